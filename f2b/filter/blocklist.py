"""The type blocklist: failures of who stands on a list."""

from __future__ import annotations

from collections.abc import Sequence

from f2b import net
from f2b.events import Failure
from f2b.filter.judge import FailureJudge
from f2b.filter.option import Options
from f2b.filter.table import Holder, Table


class Blocklist(FailureJudge):
    """Lets the failures of listed addresses pass."""

    def __init__(self, options: Options) -> None:
        options.require("lists", "name files of addresses and networks, one a line")
        self.tables = tuple(Table("addresses", [word.value], word.place) for word in options.words("lists"))
        self._weight = options.integer("weight", 1) if options.given("weight") else 0
        self._why = ""

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Return the failure, of another weight if one is set, if its address stands on a list."""
        address = (failure.host or failure.id).partition("/")[0]
        if net.packed(address) is None:
            self._why = f"{address!r} is no address"
            return ()
        for table in self.tables:
            holder: Holder | None = table.content
            entry = holder.holder(address) if holder is not None else None
            if entry is not None:
                self._why = f"{entry} stands on {table.patterns[0]}"
                return (failure._replace(attempts=self._weight) if self._weight else failure,)
        self._why = f"{address} stands on no list"
        return ()

    def why(self, failure: Failure) -> str:
        """Say which entry of which list it is."""
        return self._why
