"""What nftables holds in this network namespace: read and changed by everything in this process through one link."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from functools import partial

from f2b.errors import ActionError
from f2b.firewall import nft, ruleset
from f2b.firewall.netlink import Netlink, NetlinkError
from f2b.firewall.nft import Element, Table
from f2b.firewall.plan import Plan
from f2b.firewall.ruleset import Standing
from f2b.firewall.wire import Message

_TRIES = 8
_RACES = (errno.ENOENT, errno.EEXIST, errno.ERESTART, errno.EBUSY, errno.EAGAIN)
"""Somebody, or a timeout, was faster than we: look again."""

Change = tuple[list[Message], int | None]
"""What to do, all or nothing; and the state of the ruleset that it rests on, if it does."""
Members = dict[bytes, int | None]
"""Members of a set, with the milliseconds that they stay yet; None is for ever."""


class Kernel:
    """Reads and changes nftables, and knows who in this process uses what of it."""

    def __init__(self) -> None:
        self.link = Netlink()
        self._plans: list[Plan] = []

    def claim(self, plan: Plan) -> None:
        """Note that this plan is in force."""
        if not any(other is plan for other in self._plans):
            self._plans.append(plan)

    def release(self, plan: Plan) -> None:
        """Note that this plan is given up."""
        self._plans = [other for other in self._plans if other is not plan]

    def trouble(self, plan: Plan, standing: Standing) -> str:
        """Return why a plan cannot be carried out, empty if it can."""
        for other in self._plans:
            shared = ruleset.shared_set(plan, other)
            if shared and other is not plan:
                return f"set {shared} is another action's already; give one of them its own (name = another name)"
        first = not any(other.place == plan.place for other in self._plans)
        return ruleset.blocker(plan, standing, first)

    def change(self, find: Callable[[], Change], heal: Callable[[], Change] | None = None) -> None:
        """Carry out what `find` finds to do; if the kernel changed in between, what `heal`, or again `find`, does.

        Raises ActionError if it is refused for good.
        """
        refusal: NetlinkError | None = None
        for _ in range(_TRIES):
            try:
                messages, generation = find()
                if messages:
                    self.link.transact(messages, generation)
            except NetlinkError as caught:
                refusal = caught
                if caught.errno not in _RACES:
                    break
                find = heal or find
            else:
                return
        raise ActionError(f"nftables refuses: {refusal.strerror if refusal else 'no reason given'}")

    def guarded(self, table: Table, find: Callable[[Standing], list[Message]]) -> Change:
        """Return a change together with the state of the ruleset in which it was found."""
        generation = nft.read_generation(self.link.ask([nft.GENERATION])[0] or b"")
        return find(self.standing(table)), generation

    def sweep(self, gone: Collection[str]) -> None:
        """Take out what the jails `gone` left behind when they were still configured."""
        for table in {ruleset.table(plan) for plan in self._plans}:
            self.change(partial(self._swept, table, gone))

    def _swept(self, table: Table, gone: Collection[str]) -> Change:
        here = [plan for plan in self._plans if ruleset.table(plan) == table]
        return self.guarded(table, lambda standing: ruleset.leftovers(here, standing, gone))

    # ---- reading ----

    def standing(self, table: Table) -> Standing:
        """Return what is in the kernel of a table."""
        found = self.link.ask([table.get()])[0]
        if found is None:
            return Standing()
        chains = [body for body in self.link.dump(table.chains()) if nft.read_table_name(body) == table.name]
        sets = [nft.read_set(body) for body in self.link.dump(table.sets())]
        return Standing(
            present=True,
            owned=nft.read_owned(found),
            chains={chain.name: chain for chain in map(nft.read_chain, chains)},
            sets={kept.name: kept for kept in sets if not kept.anonymous},
            rules=tuple(nft.read_rule(body) for body in self.link.dump(table.rules())),
        )

    def members(self, table: Table, name: str) -> Members:
        """Return who is in a set; nobody, if it is gone.

        For people to read, not to act on: the kernel lists a set piece by piece, by position, and while the set grows
        or shrinks some members come twice and others not at all.
        """
        found: Members = {}
        for _ in range(_TRIES):
            listed = self._listed(table, name)
            found.update((element.key, element.left_ms) for element in listed)
            if len(listed) == len({element.key for element in listed}):
                break
        return found

    def present(self, table: Table, name: str, keys: Collection[bytes]) -> Members:
        """Return which of these are in a set."""
        answers = self.link.ask([table.get_element(name, key) for key in keys])
        return {element.key: element.left_ms for body in answers if body for element in nft.read_elements(body)}

    def _listed(self, table: Table, name: str) -> list[Element]:
        try:
            bodies = self.link.dump(table.elements(name))
        except NetlinkError as refusal:
            if refusal.errno != errno.ENOENT:
                raise
            return []
        return [element for body in bodies for element in nft.read_elements(body)]
