"""Completions for bash, zsh and fish: tables made from what `--help` says, and what each shell does with them.

They ask f2b only for the names of jails; everything else stands in them, so that a TAB takes no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from script.helptext import Entry, Page

MADE = "Made by script/manual from what --help says; change that."
WORDS = {"MODE": "yes warn no raw", "LEVEL": "ERROR WARNING NOTICE INFO DEBUG"}

FISH_VALUES = {"folder": "-F", "file": "-F", "jail": "-a '(__f2b_jails)'"}
ZSH_ACTIONS = {"folder": "_files -/", "file": "_files", "jail": "_f2b_jails", "text": " "}

BASH = r"""# bash completion for f2b. {made}

_f2b_options() {{
    case $1 in
{options}
    esac
}}

_f2b_commands() {{
    case $1 in
{commands}
    esac
}}

# What stands behind an option, or behind the command: folder, file, jail, or words; nothing if it is free text.
_f2b_kind() {{
    case "$1 $2" in
{kinds}
    esac
}}

_f2b_jails() {{
    f2b status 2>/dev/null | awk 'found && !NF {{exit}} found {{print $1}} /^JAIL /{{found = 1}}'
}}

_f2b() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local command= at word kind value=
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${{COMP_WORDS[at]}}
        if [[ $value ]]; then
            value=
        elif [[ $word == -* ]]; then
            value=$(_f2b_kind "$command" "$word")
        elif [[ " $(_f2b_commands "$command") " == *" $word "* ]]; then
            command="${{command:+$command }}$word"
        fi
    done
    COMPREPLY=()
    if [[ $previous == -* && $value ]]; then
        kind=$value
    elif [[ $current == -* ]]; then
        kind="words $(_f2b_options "$command")"
    elif [[ $(_f2b_commands "$command") ]]; then
        kind="words $(_f2b_commands "$command")"
    else
        kind=$(_f2b_kind "$command" "")
    fi
    case $kind in
        folder) mapfile -t COMPREPLY < <(compgen -d -- "$current"); compopt -o filenames 2>/dev/null ;;
        file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null ;;
        jail) mapfile -t COMPREPLY < <(compgen -W "$(_f2b_jails)" -- "$current") ;;
        words*) mapfile -t COMPREPLY < <(compgen -W "${{kind#words }}" -- "$current") ;;
    esac
}}

complete -F _f2b f2b
"""

ZSH = r"""#compdef f2b
# {made}

_f2b_jails() {{
    local -a jails
    jails=(${{(f)"$(f2b status 2>/dev/null | awk 'found && !NF {{exit}} found {{print $1}} /^JAIL /{{found = 1}}')"}})
    compadd -a jails
}}

{functions}

_f2b "$@"
"""


def scripts(pages: list[Page]) -> dict[str, str]:
    """Return the text of each script by its path; `pages` are f2b's and those of its commands."""
    top = Page(pages[0].name, pages[0].summary, pages[0].usage, pages[0].sections, pages[1:])
    return {"completions/f2b": bash(top), "completions/_f2b": zsh(top), "completions/f2b.fish": fish(top)}


def walk(page: Page) -> Iterator[Page]:
    """Yield a page and all below it."""
    yield page
    for below in page.below:
        yield from walk(below)


def flags(entry: Entry) -> list[str]:
    """Return `-c` and `--config` of `-c, --config DIR`."""
    return re.findall(r"(?<!\S)--?[A-Za-z][\w-]*", entry.term)


def value(entry: Entry) -> str:
    """Return `DIR` of `-c, --config DIR`, or ""."""
    last = entry.term.split()[-1]
    return "" if last.startswith("-") else last


def kind(metavar: str, what: str = "") -> str:
    """Return what a placeholder stands for, as the scripts name it."""
    bare = re.sub(r"[^A-Z]", "", metavar)
    if bare in WORDS:
        return f"words {WORDS[bare]}"
    if bare == "DIR":
        return "folder"
    if bare == "JAIL" or (bare == "NAME" and "jail" in what.lower()):
        return "jail"
    return "file" if bare in ("FILE", "LOG", "SOCKET", "TARGET", "FILTER") else "text"


def operand(page: Page) -> str:
    """Return what the words behind a command are."""
    words = re.findall(r"[A-Z]{2,}", page.usage.replace("[OPTIONS]", "").replace("COMMAND [ARGS]", ""))
    kinds = [kind(word, page.usage) for word in words]
    return next((one for one in ("jail", "file", "folder") if one in kinds), "text")


def bash(top: Page) -> str:
    """Return the script for bash."""
    rows = [(page.name.removeprefix("f2b").strip(), page) for page in walk(top)]
    options = [f"        '{name}') echo '{' '.join(chain(*map(flags, page.options())))}' ;;" for name, page in rows]
    commands = [f"        '{name}') echo '{names(page)}' ;;" for name, page in rows if page.below]
    kinds = []
    for name, page in rows:
        for entry in page.options():
            if value(entry):
                pattern = "|".join(f"'{name} {flag}'" for flag in flags(entry))
                kinds.append(f"        {pattern}) echo '{kind(value(entry), entry.text)}' ;;")
        kinds.append(f"        '{name} ') echo '{operand(page)}' ;;")
    return BASH.format(made=MADE, options="\n".join(options), commands="\n".join(commands), kinds="\n".join(kinds))


def names(page: Page) -> str:
    """Return the names of a page's commands."""
    return " ".join(below.name.split()[-1] for below in page.below)


def zsh(top: Page) -> str:
    """Return the script for zsh: a function for each command."""
    return ZSH.format(made=MADE, functions="\n\n".join(zsh_function(page) for page in [*walk(top)][::-1]))


def zsh_function(page: Page) -> str:
    """Return the function that completes a command's words."""
    name = "_" + page.name.replace(" ", "_").replace("-", "_")
    lines = [f"        {zsh_option(entry)} \\" for entry in page.options()]
    if not page.below:
        lines.append(f"        '*:{operand(page)}:{ZSH_ACTIONS[operand(page)]}'")
        return "\n".join([f"{name}() {{", "    _arguments -s \\", *lines, "}"])
    lines += ["        '1: :->command' \\", "        '*:: :->rest'"]
    listed = [f"            '{below.name.split()[-1]}:{plain(below.summary)}'" for below in page.below]
    cases = [f"            {below.name.split()[-1]}) _{below.name.replace(' ', '_')} ;;" for below in page.below]
    return "\n".join(
        [f"{name}() {{", "    local state context line", "    local -a commands", "    _arguments -C -s \\", *lines]
        + ["    case $state in", "        command)", "            commands=("]
        + [f"    {one}" for one in listed]
        + ["            )", "            _describe command commands ;;", "        rest) case $words[1] in"]
        + [*cases, "        esac ;;", "    esac", "}"]
    )


def zsh_option(entry: Entry) -> str:
    """Return an option as _arguments reads it."""
    own = flags(entry)
    both = f"'({' '.join(own)})'{{{','.join(own)}}}" if len(own) > 1 else own[0]
    metavar = value(entry)
    shown = kind(metavar, entry.text)
    action = f"({shown.removeprefix('words ')})" if shown.startswith("words ") else ZSH_ACTIONS[shown]
    behind = f":{metavar}:{action}" if metavar else ""
    return f"{both}'[{plain(entry.text)}]{behind}'"


def plain(text: str) -> str:
    """Return a description without what would end it, in any of these shells."""
    return re.sub(r"[\[\]:'\\\"$`]", "", text)


def fish(top: Page) -> str:
    """Return the script for fish."""
    lines = [f"# fish completion for f2b. {MADE}", "complete -c f2b -f"]
    own = names(top)
    lines += [
        "function __f2b_jails",
        "    f2b status 2>/dev/null | awk 'found && !NF {exit} found {print $1} /^JAIL /{found = 1}'",
        "end",
    ]
    for page in walk(top):
        words = page.name.split()[1:]
        here = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in words)
        here = here or f"not __fish_seen_subcommand_from {own}"
        for below in page.below:
            unless = f"; and not __fish_seen_subcommand_from {names(page)}" if words else ""
            name = below.name.split()[-1]
            lines.append(f"complete -c f2b -n '{here}{unless}' -a {name} -d '{plain(below.summary)}'")
        lines += [f"complete -c f2b -n '{here}' {fish_option(entry)}" for entry in page.options()]
        if not page.below and operand(page) in FISH_VALUES:
            lines.append(f"complete -c f2b -n '{here}' {FISH_VALUES[operand(page)]}")
    return "\n".join(lines) + "\n"


def fish_option(entry: Entry) -> str:
    """Return an option as fish's `complete` reads it."""
    said = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in flags(entry))
    if value(entry):
        shown = kind(value(entry), entry.text)
        words = f"-a '{shown.removeprefix('words ')}'" if shown.startswith("words ") else ""
        said += f" -r {FISH_VALUES.get(shown, f'-f {words}')}".rstrip()
    return f"{said} -d '{plain(entry.text)}'"
