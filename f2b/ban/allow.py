"""Who is never banned by a filter: ignoreself and ignoreip.

Pure: host names and list files are named here, and what they stand for is handed in by whoever may look it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from f2b import net

_FILE = "file:"
ASKED = 1024
"""So many answers are remembered, then all are forgotten."""
LONG = 64
"""Characters of an id beyond which its answer is not remembered: more than an address has."""


class AllowList:
    """Says whether an id is spared, and by which kind of entry."""

    def __init__(self, entries: Sequence[str]) -> None:
        self._own: frozenset[str] = frozenset()
        self._exact: set[str] = set()
        self._networks: list[str] = []
        self.names: list[str] = []
        """Host names whose addresses are to be handed to `resolved`."""
        self.files: list[str] = []
        """List files whose entries are to be handed to `loaded`."""
        for entry in entries:
            self._sort_in(entry)
        self._nets = net.NetSet(self._networks)
        self._resolved: dict[str, frozenset[str]] = {}
        self._listed: dict[str, tuple[Sequence[str], AllowList]] = {}
        self._spans: net.Spans | None = None
        """All of it, for `touches`; None: to be made."""
        self._asked: dict[str, str | None] = {}
        """What `why` said since anything changed."""

    def _sort_in(self, entry: str) -> None:
        if entry.startswith(_FILE):
            self.files.append(_path(entry))
            return
        network = net.network(entry)
        if network is not None and "/" in network:
            self._networks.append(network)
            return
        self._exact.add(network or entry)
        if network is None and _is_name(entry):
            self.names.append(entry)

    def why(self, key: str) -> str | None:
        """Return Fail2Ban's word for why this id is spared (`ip`, `dns`, ...), or None if it is not.

        A network as id is judged by its base address, as Fail2Ban does.
        """
        known = self._asked
        if key in known:
            return known[key]
        why = self._why(key)
        if len(key) <= LONG:
            if len(known) >= ASKED:
                known.clear()
            known[key] = why
        return why

    def _why(self, key: str) -> str | None:
        base = key.partition("/")[0] if "/" in key else key
        if base in self._own:
            return "ignoreself rule"
        if key in self._exact or base in self._nets:
            return "ip"
        if self._resolved and any(base in addresses for addresses in self._resolved.values()):
            return "dns"
        for path, (_, listed) in self._listed.items():
            if listed.why(key):
                return f"file:/{path}"  # one slash less than an URL has: Fail2Ban's own words
        return None

    def touches(self, network: str) -> bool:
        """Return whether anybody in a network is spared."""
        if self._spans is None:
            self._spans = net.Spans(self.all())
        return network in self._spans

    def all(self) -> Iterator[str]:
        """Yield every address and network that is spared."""
        yield from self._own
        yield from self._exact
        yield from self._networks
        for addresses in self._resolved.values():
            yield from addresses
        for _, listed in self._listed.values():
            yield from listed.all()

    def owns(self, addresses: Iterable[str]) -> None:
        """Take note of this host's addresses, which may change while the server runs."""
        own = frozenset(addresses)
        if own != self._own:
            self._own = own
            self._changed()

    def resolved(self, name: str, addresses: Iterable[str]) -> None:
        """Take note of what a host name stands for now."""
        found = frozenset(addresses)
        if found != self._resolved.get(name):
            self._resolved[name] = found
            self._changed()

    def loaded(self, path: str, entries: Sequence[str]) -> None:
        """Take note of what a list file holds now; the very list that it was given before costs nothing."""
        known = self._listed.get(path)
        if known is None or known[0] is not entries:
            self._listed[path] = (entries, AllowList(entries))
            self._changed()

    def _changed(self) -> None:
        self._spans = None
        self._asked.clear()


def words(text: str) -> list[str]:
    """Return the entries of a list file: words apart by blanks or commas, `#` and `;` start comments."""
    found: list[str] = []
    for line in text.splitlines():
        bare = line.split("#", 1)[0].split(";", 1)[0]
        found += bare.replace(",", " ").split()
    return found


def _path(entry: str) -> str:
    """Return the path of `file:/x`, `file://x` or `file:///x`."""
    path = entry[len(_FILE) :]
    return "/" + path.lstrip("/") if path.startswith("/") else path


def _is_name(entry: str) -> bool:
    """Whether this may be a host name (and not a mistyped address)."""
    labels = entry.rstrip(".").split(".")
    return any(map(str.isalpha, entry)) and all(label.replace("-", "").replace("_", "").isalnum() for label in labels)
