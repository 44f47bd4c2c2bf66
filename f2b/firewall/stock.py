"""Recognises nftables actions of an unmodified Fail2Ban configuration by what their commands do. Pure.

What comes out are the options of our own nftables action, for the same table, chain, sets and rules. Whatever the
administrator added or changed so that it is something else (a line, a flag, another program) is not recognised, and
the action runs its own commands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.firewall.render import Recipe
from f2b.firewall.ticket import Context

_NO = ("no", "false", "off", "0")
_FAMILIES = {"inet4": ("ip", "ipv4_addr"), "inet6": ("ip6", "ipv6_addr")}
_UNUSED = ("repair", "prolong", "reban", "reload")
_NFT = re.compile(r"(?<!\S)/\S*/nft ")
_ESCAPE = re.compile(r"\\([{};])")

_START = re.compile(
    r"""
    nft\ add\ table\ (?P<table_family>\S+)\ (?P<table>\S+)\n
    nft\ (?:--\ )?add\ chain\ (?P=table_family)\ (?P=table)\ (?P<chain>\S+)\ {
        \ type\ (?P<chain_type>\w+)\ hook\ (?P<chain_hook>\w+)\ priority\ (?P<chain_priority>[\w +-]+?)\ ?;
        (?:\ policy\ (?P<chain_policy>\w+)\ ?;)?\ }\n
    nft\ add\ set\ (?P=table_family)\ (?P=table)\ (?P<set>\S+)\ {
        \ type\ (?P<addr_type>\w+)\ ?;\ (?:flags\ interval\ ?;\ )?}\n
    (?:for\ proto\ in\ \$\(echo\ '(?P<loop>[^']*)'\ \|\ sed\ 's/,/\ /g'\);\ do\n)?
    nft\ add\ rule\ (?P=table_family)\ (?P=table)\ (?P=chain)
        (?:\ meta\ l4proto\ {\ (?P<protocol>[^{}]+)\ }|\ (?P<ports_of>\S+)\ dport\ {\ (?P<port>[^{}]+)\ })?
        \ (?P<addr_family>ip6?)\ saddr\ @(?P=set)\ (?P<blocktype>[^\n;|&$`]+)
    (?:\n(?P<done>done))?
    """,
    re.VERBOSE,
)
_PORT_LIST = re.compile(r"\$\(echo '([^']*)' \| sed s/:/-/g\)")
_MEMBER = "nft {verb} element {table_family} {table} {set} {{ <ip> }}"
_CARE = (
    r"nft list chain {place} \| grep -q '@{set}\[ \\t\]'",
    r"{{ nft flush set {table_} {set} 2> ?/dev/null; }} \|\| {{",
    r"{{ nft -a list chain {place} \| grep -oP '@{set}\\s\+\.\*\\s\+\\Khandle\\s\+\(\\d\+\)\$'; }}"
    r" \| while read -r hdl; do",
    r"nft delete rule {place} \$hdl; done",
    r"nft delete set {table_} {set}",
    r"{{ nft list table {table_} \| grep -qP '\^\\s\+set\\s\+'; }} \|\| {{",
    r"nft delete table {table_}",
    r"}}",
)
"""The lines in which such an action checks, flushes and takes out what it made."""


def nftables(options: Mapping[str, str]) -> dict[str, str] | None:
    """Return the options of the native action that does what these commands do, or None if there is none."""
    if options.get("native", "").lower() in _NO or "norestored" in options:
        return None
    recipe = Recipe(options, Context())
    halves = {kind: _half(recipe, kind) for kind in _FAMILIES}
    v4, v6 = halves["inet4"], halves["inet6"]
    if v4 is None or v6 is None:
        return None
    addr_set, addr6_set = v4.pop("set"), v6.pop("set")
    return {**v4, "addr_set": addr_set, "addr6_set": addr6_set} if v4 == v6 else None


def _half(recipe: Recipe, kind: str) -> dict[str, str] | None:
    """Return the options that one family's commands amount to."""
    texts = {verb: _lines(recipe.text(verb, kind)) for verb in ("start", "stop", "flush", "check", "ban", "unban")}
    found = _START.fullmatch("\n".join(texts["start"]))
    if found is None or any(recipe.text(verb, kind) for verb in _UNUSED):
        return None
    parts = found.groupdict("")
    if (parts["addr_family"], parts["addr_type"]) != _FAMILIES[kind]:
        return None
    if [*texts["ban"], *texts["unban"]] != [_MEMBER.format(verb=verb, **parts) for verb in ("add", "delete")]:
        return None
    if not _takes_care(texts, parts):
        return None
    return _options(parts)


def _takes_care(texts: Mapping[str, list[str]], parts: Mapping[str, str]) -> bool:
    """Whether the commands beside ban and unban touch nothing but what start made."""
    table = re.escape(f"{parts['table_family']} {parts['table']}")
    names = {"table_": table, "place": f"{table} {re.escape(parts['chain'])}", "set": re.escape(parts["set"])}
    known = re.compile("|".join(line.format(**names) for line in _CARE))
    lines = [line for verb in ("check", "flush", "stop") for line in texts[verb] if line not in texts["start"]]
    return all(known.fullmatch(line) for line in lines)


def _options(parts: Mapping[str, str]) -> dict[str, str] | None:
    looped = parts["ports_of"] == "$proto"
    if looped != bool(parts["loop"]) or looped != bool(parts["done"]):
        return None
    kept = ("table_family", "table", "chain", "chain_type", "chain_hook", "chain_priority", "set", "blocktype")
    options = {name: parts[name] for name in kept}
    options["chain_policy"] = parts["chain_policy"] or "accept"
    options["type"] = "multiport" if parts["port"] else "allports"
    options["protocol"] = parts["loop"] or parts["ports_of"] or parts["protocol"] or "all"
    if parts["port"]:
        options["port"] = _PORT_LIST.sub(r"\1", parts["port"])
    return options


def _lines(text: str) -> list[str]:
    """Return a command's lines as nft sees them: escapes for the shell and needless space taken out."""
    plain = (" ".join(_ESCAPE.sub(r" \1 ", line).split()) for line in text.splitlines())
    return [_NFT.sub("nft ", line) for line in plain if line]
