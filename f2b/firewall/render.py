"""Words the commands of an action file: tags out, values in, so that no value can become a command.

Static tags (options of the action) are replaced over and over, as the administrator wrote them. Dynamic tags (what
is known of a ban, much of it typed by the attacker) are replaced once, never looked at again, and a value with a
character that means something to a shell stays out of the text: it is handed over as a positional argument and the
text says `$f2bV_<tag>` instead. Words, names and order are Fail2Ban's, so that a file does here what it does there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from f2b import duration
from f2b.errors import ActionError
from f2b.firewall.shell import Command
from f2b.firewall.ticket import Context, Ticket, group

VERBS = ("start", "stop", "ban", "unban", "check", "flush", "repair", "prolong", "reban", "reload")
MAX_PASSES = 25
"""How often static tags are replaced in one text before we call them recursive; Fail2Ban's number."""
MAX_TEXT = 1 << 20
"""Characters of a command, static tags replaced: tags that double each other would fill the memory first."""
MAX_VALUE = 30_000
"""Characters of one value. The kernel takes 131,072 bytes an argument and refuses the whole command beyond."""

_TAG = re.compile(r"<([^ <>]+)>")
_FILTER_TAG = re.compile(r"<F-([A-Z0-9_\-]+)>")
_SPECIAL = re.compile(r"[\\#&;`|*?~<>^()\[\]{}$'\"\r\n]")
_NO_NAME = re.compile(r"\W")
_CONDITIONAL = re.compile(r"\w+\?family=")
_TRUE = ("1", "on", "true", "yes")
_ESCAPED_STATIC = ("matches", "ipmatches", "ipjailmatches")


class Recipe:
    """The commands of one action, ready to be filled in."""

    def __init__(self, options: Mapping[str, str], context: Context) -> None:
        """Raises ActionError if the tags of the options go round in circles."""
        self.timeout = _seconds(options.get("timeout", "60"))
        """What one command may take."""
        self._options = {
            **{f"action{verb}": "" for verb in VERBS},
            "br": "\n",
            "sp": " ",
            "fq-hostname": context.fq_hostname,
            "sh-hostname": context.sh_hostname,
            # The ban says how long it is; an option of that name is ignored, as in Fail2Ban.
            **{name: text for name, text in options.items() if name != "bantime"},
            "timeout": str(self.timeout),
        }
        self.conditional = any(map(_CONDITIONAL.match, options))
        """Some option has a variant for an address family, so each family is started by itself."""
        self._texts: dict[tuple[str, str], str] = {}
        for verb in VERBS:  # now, so that what is wrong with an action does not show at its first ban only
            for kind in ("", "inet4", "inet6"):
                self.text(verb, kind)

    def command(self, verb: str, ticket: Ticket) -> Command:
        """Return what to run."""
        return _fill(self.text(verb, ticket.family), ticket)

    def bare(self, verb: str, kind: str) -> Command:
        """Return what to run, for the verbs (check, repair) that know nothing but a family."""
        return Command(self.text(verb, kind).replace("<family>", kind))

    def words(self, option: str, ticket: Ticket) -> tuple[str, ...]:
        """Return an option's words, split as a shell would and then filled in: a value never leaves its word.

        Raises ActionError if a quotation does not end.
        """
        try:
            words = shlex.split(self.option(option))
        except ValueError as error:
            raise ActionError(f"{option}: {error}") from None
        return tuple(_TAG.sub(lambda tag: clean(_value(tag, ticket)), word) for word in words)

    def option(self, name: str) -> str:
        """Return an option with its static tags replaced; "" if there is none."""
        return self._expanded(f"<{name}>", "") if name in self._options else ""

    def names(self, tag: str, verb: str, kind: str) -> bool:
        """Say whether a command has a dynamic tag."""
        return f"<{tag}>" in self.text(verb, kind)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes-or-no option."""
        return self._options[name].lower() in _TRUE if name in self._options else default

    def text(self, verb: str, kind: str) -> str:
        """Return the command of a family with its static tags replaced."""
        if not self.conditional or kind == "None":
            kind = ""
        known = self._texts.get((verb, kind))
        if known is None:
            known = self._texts[verb, kind] = self._expanded(f"<action{verb}>", kind)
        return known

    def _expanded(self, text: str, kind: str) -> str:
        known = False

        def option(tag: re.Match[str]) -> str:
            nonlocal known
            name = tag[1]
            value = self._options.get(f"{name}?family={kind}", self._options.get(name))
            if value is None:
                return tag[0]
            known = True
            # Whoever defines these writes log lines, not shell text.
            return _SPECIAL.sub(r"\\\g<0>", value) if name in _ESCAPED_STATIC else value

        whole = text
        for _ in range(MAX_PASSES):
            known = False
            text = _TAG.sub(option, text)
            if not known:
                return text
            if len(text) > MAX_TEXT:
                break
        raise ActionError(f"{whole} contains itself; look for an option whose value names its own tag")


def _seconds(text: str) -> float:
    try:
        return duration.seconds(text)
    except ValueError as error:
        raise ActionError(f"timeout: {error}") from None


class _Shelf:
    """The values that stay out of a command's text, in the order of their arguments."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def place(self, name: str, value: str) -> str:
        """Return what stands in the text for a value: itself if it is harmless, else a variable."""
        value = clean(value)
        if not _SPECIAL.search(value):
            return value
        variable = f"f2bV_{_NO_NAME.sub('_', name)}"
        self.values[variable] = value
        return f"${variable}"


def clean(value: str) -> str:
    """Return the value as a program can get it: arguments hold no NUL, are UTF-8, and of limited length."""
    value = value[:MAX_VALUE].replace("\0", "\ufffd")
    return value.encode("utf-8", "replace").decode("utf-8")


def _fill(text: str, ticket: Ticket) -> Command:
    """Replace the dynamic tags of `text`, each once."""
    shelf = _Shelf()

    def known(tag: re.Match[str]) -> str:
        value = ticket.values.get(tag[1])
        return tag[0] if value is None else shelf.place(tag[1], value())

    def caught(tag: re.Match[str]) -> str:
        name = group(tag[1])
        return shelf.place(f"F_{name}", ticket.caught(name))

    # What the first pass puts in holds no `<`, so the second cannot mistake it for a tag.
    text = _FILTER_TAG.sub(caught, _TAG.sub(known, text))
    if not shelf.values:
        return Command(text)
    # "$10" would be "$1" and a 0.
    heads = (f"{name}=${n}" if n < 10 else f"{name}=${{{n}}}" for n, name in enumerate(shelf.values))
    return Command(f"{' '.join(heads)} \n{text}", tuple(shelf.values.values()))


def _value(tag: re.Match[str], ticket: Ticket) -> str:
    """Return what a dynamic tag or a filter's tag stands for; itself if nobody knows it."""
    if tag[1] in ticket.values:
        return ticket.values[tag[1]]()
    return ticket.caught(group(tag[1].removeprefix("F-"))) if _FILTER_TAG.fullmatch(tag[0]) else tag[0]
