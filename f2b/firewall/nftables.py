"""The native firewall: nftables sets with kernel timeouts, over netlink.

A ban is a member of a set that times out when the ban ends, so that nobody stays out because the server died.
Everything that a verb changes is one transaction: no packet passes in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Ahead, Reach, Term, nft, ruleset
from f2b.firewall.kernel import Change, Kernel, Members
from f2b.firewall.owner import fail2ban
from f2b.firewall.plan import Plan
from f2b.firewall.reach import reach_of
from f2b.firewall.ruleset import Kind, Standing, target
from f2b.firewall.wire import Message
from f2b.net import BITS, unpacked

LEASE_S = 86400
"""How long the kernel holds a permanent ban: `ban` it again before that, and it stays."""

_LONGEST_S = 1e10
"""317 years; the kernel knows no timeout of more than 584."""
_SHORTEST_MS = 100
"""The kernel rounds down to ticks of up to 10 ms, and takes none at all for ever."""
_SAME_MS = 1000
"""A member whose time is right to the second is left alone."""
SAMPLE = 100
"""So many members are asked for to see whether all are there: the kernel tells of changes, this is a second look."""
_NEW = 50
"""So many bans at once are assumed to be new: if one is not, the kernel refuses in 10 ms, and all are asked for."""
_MANY = 1000
"""So many at once are assumed to be there, in the same way."""

Wanted = dict[bytes, int]
"""Members of a set, with the milliseconds that they are to stay."""


class Nftables:
    """A jail's bans in the kernel. See `Firewall` for the verbs."""

    shared = False
    piecemeal = True

    def __init__(
        self,
        name: str,
        plan: Plan,
        clock: Callable[[], float],
        kernel: Kernel,
        report: Callable[[str, str], None],
    ) -> None:
        """`clock` gives seconds since the epoch; `kernel` is shared by everything in this process; `report(level,
        text)` takes what no second try would mend."""
        self.name = name
        self.plan = plan
        self._clock = clock
        self._kernel = kernel
        self._report = report
        self._table = ruleset.table(plan)
        self.tables = frozenset([(self._table.family, self._table.name)])
        self._kinds: frozenset[Kind] = frozenset()
        """The sets that stand since `start`, as far as we know."""

    def start(self, bans: Sequence[Term]) -> None:
        """Make the rules, and the sets with exactly `bans` in them; who is banned before and after is so in between.

        Raises ActionError: no rights, no nf_tables, a running Fail2Ban on the same table, ...
        """
        wanted = self._sorted(bans)
        self._kernel.change(lambda: self._start(wanted))
        self._kernel.claim(self.plan)
        self._kinds = ruleset.kinds(self.plan) | wanted.keys()

    def ban(self, bans: Sequence[Ban]) -> None:
        """Keep these out until they end; for who is banned already, this end counts from now on."""
        wanted = self._sorted(bans)
        put = self._put if len(bans) < _NEW else self._put_new
        if not wanted.keys() <= self._kinds:
            put = self._heal
        self._kernel.change(lambda: put(wanted), lambda: self._heal(wanted))
        self._kinds |= wanted.keys()

    def unban(self, bans: Sequence[Ban]) -> None:
        """Let these in again."""
        keys: dict[Kind, set[bytes]] = {}
        for ban in bans:
            found = _target(ban)
            if found:
                keys.setdefault(found[0], set()).add(found[1])
        take = self._take if len(bans) < _MANY else self._take_all
        self._kernel.change(lambda: take(keys), lambda: self._take(keys))

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in; `bans` does not matter here."""

        def empty() -> Change:
            found = ruleset.standing_kinds(self.plan, self._kernel.standing(self._table))
            return [self._table.flush_set(self._set(kind)) for kind in sorted(found)], None

        self._kernel.change(empty)

    def stop(self, keep: bool) -> None:
        """Take out rules and sets, and chain and table if nobody else uses them; with `keep`, leave all in force."""
        if not keep:
            self._kernel.change(lambda: self._guarded(lambda standing: ruleset.removal(self.plan, standing)))
        self._kernel.release(self.plan)
        self._kinds = frozenset()

    def elements(self) -> dict[str, float | None]:
        """Return who is in the kernel's sets, and for how many seconds yet; None is for ever."""
        found: dict[str, float | None] = {}
        for kind in sorted(ruleset.standing_kinds(self.plan, self._kernel.standing(self._table))):
            tail = "" if kind.length == BITS[kind.family] else f"/{kind.length}"
            for key, left_ms in self._kernel.members(self._table, self._set(kind)).items():
                found[unpacked(key) + tail] = None if left_ms is None else left_ms / 1000
        return found

    @property
    def reach(self) -> Reach:
        """Return which packets it keeps out."""
        return reach_of(self.plan)

    def held(self, bans: Sequence[Term]) -> dict[str, float | None]:
        """Return which of these are in the kernel's sets, and for how many seconds yet."""
        sought: dict[Kind, dict[bytes, list[str]]] = {}
        for ban in bans:
            found = _target(ban)
            if found and found[0].family in self.plan.sets:
                sought.setdefault(found[0], {}).setdefault(found[1], []).append(ban.id)
        held: dict[str, float | None] = {}
        for kind, ids in sought.items():
            many = len(ids) > _MANY
            present = self._kernel.members(self._table, self._set(kind)) if many else self._present(kind, ids)
            for key in ids.keys() & present.keys():
                left_ms = present[key]
                held.update(dict.fromkeys(ids[key], None if left_ms is None else left_ms / 1000))
        return held

    def ahead(self, who: str) -> list[Ahead]:
        """Return no rule: in nftables nobody's accept outdoes another chain's drop."""
        return []

    def intact(self, bans: Sequence[Term]) -> bool:
        """Return whether sets and rules stand as since `start`; of `bans`, some are asked for."""
        if not self._kinds:
            return True
        wanted, _ = self._sort(bans[:SAMPLE])
        standing = self._kernel.standing(self._table)
        kinds = ruleset.kinds(self.plan) | wanted.keys()
        return ruleset.stands(self.plan, kinds, standing) and all(
            self._present(kind, members).keys() == members.keys() for kind, members in wanted.items()
        )

    # ---- what there is to do ----

    def _guarded(self, find: Callable[[Standing], list[Message]]) -> Change:
        return self._kernel.guarded(self._table, find)

    def _start(self, wanted: Mapping[Kind, Wanted]) -> Change:
        def change(standing: Standing) -> list[Message]:
            self._check(standing)
            kinds = ruleset.kinds(self.plan) | wanted.keys()
            messages = ruleset.frame(self.plan, kinds, standing)
            # Out with all and in with all is one step for whoever knocks meanwhile.
            messages += [self._table.flush_set(self._set(kind)) for kind in sorted(kinds)]
            for kind, members in wanted.items():
                messages += self._table.add_elements(self._set(kind), members.items())
            return messages

        return self._guarded(change)

    def _heal(self, wanted: Mapping[Kind, Wanted]) -> Change:
        """Put rules and sets right that lack or are lacking, and these bans into them, and leave other bans alone."""

        def change(standing: Standing) -> list[Message]:
            self._check(standing)
            kinds = ruleset.kinds(self.plan) | wanted.keys() | ruleset.standing_kinds(self.plan, standing)
            messages = ruleset.frame(self.plan, kinds, standing)
            for kind in sorted(wanted):
                fits = ruleset.fits(self.plan, kind, standing)
                present = self._present(kind, wanted[kind]) if fits else {}
                messages += self._difference(kind, present, wanted[kind])
            return messages

        return self._guarded(change)

    def _put(self, wanted: Mapping[Kind, Wanted]) -> Change:
        messages = []
        for kind, members in wanted.items():
            messages += self._difference(kind, self._present(kind, members), members)
        return messages, None

    def _put_new(self, wanted: Mapping[Kind, Wanted]) -> Change:
        """As `_put`, but refused if one of them is there: many are quicker added than asked for."""
        parts = (
            self._table.add_elements(self._set(kind), members.items(), exclusively=True)
            for kind, members in wanted.items()
        )
        return [message for part in parts for message in part], None

    def _take(self, keys: Mapping[Kind, Collection[bytes]]) -> Change:
        return self._take_all({kind: self._present(kind, members) for kind, members in keys.items()})

    def _take_all(self, keys: Mapping[Kind, Collection[bytes]]) -> Change:
        """As `_take`, but refused if one of them is missing."""
        parts = (self._table.delete_elements(self._set(kind), members) for kind, members in keys.items())
        return [message for part in parts for message in part], None

    def _difference(self, kind: Kind, present: Members, wanted: Wanted) -> list[Message]:
        """Return what makes the present members those that are wanted."""
        fresh = {key: left for key, left in wanted.items() if key not in present or not _same(present[key], left)}
        # Kernels before 6.12 ignore a new timeout for a member: it goes and comes, in one transaction.
        gone = [key for key in present if key in fresh]
        name = self._set(kind)
        return self._table.delete_elements(name, gone) + self._table.add_elements(name, fresh.items())

    # ---- the kernel's side ----

    def _check(self, standing: Standing) -> None:
        trouble = self._kernel.trouble(self.plan, standing)
        if trouble:
            raise ActionError(trouble)
        if any(not kept.flags & nft.TIMEOUT for kept in standing.sets.values()):
            # Fail2Ban's sets have no timeouts, all of ours have.
            pid = fail2ban()
            if pid:
                where = f"table {self.plan.family} {self.plan.table}"
                cure = "stop it first (systemctl stop fail2ban), or set table = another name"
                raise ActionError(f"{where} is used by Fail2Ban (pid {pid}); {cure}")

    def _present(self, kind: Kind, keys: Collection[bytes]) -> Members:
        return self._kernel.present(self._table, self._set(kind), keys)

    def _set(self, kind: Kind) -> str:
        return ruleset.set_name(self.plan, kind)

    def _sorted(self, bans: Iterable[Term]) -> dict[Kind, Wanted]:
        """Return who belongs in which set for how long; who belongs in none is told of."""
        wanted, unfit = self._sort(bans)
        for who in unfit:
            self._report("ERROR", f"{self.name} cannot ban {who}: no address for table {self.plan.table}")
        return wanted

    def _sort(self, bans: Iterable[Term]) -> tuple[dict[Kind, Wanted], list[str]]:
        now = self._clock()
        shortest_s, longest_s = _SHORTEST_MS / 1000, _LONGEST_S
        wanted: dict[Kind, Wanted] = {}
        unfit = []
        for ban in bans:  # a hundred thousand, perhaps
            found = target(ban.id) or target(ban.ip)
            if found is None or found[0].family not in self.plan.sets:
                unfit.append(ban.id)
                continue
            left_s = ban.end - now
            if left_s <= 0:
                continue
            if not shortest_s <= left_s <= longest_s:
                left_s = shortest_s if left_s < shortest_s else LEASE_S if math.isinf(left_s) else longest_s
            members = wanted.get(found[0])
            if members is None:
                members = wanted[found[0]] = {}
            members[found[1]] = math.ceil(left_s * 1000)
        return wanted, unfit


def _target(ban: Term) -> tuple[Kind, bytes] | None:
    """An id that is an address or a network is whom we ban; another one has an address beside it."""
    return target(ban.id) or target(ban.ip)


def _same(present_ms: int | None, wanted_ms: int) -> bool:
    return present_ms is not None and abs(present_ms - wanted_ms) < _SAME_MS
