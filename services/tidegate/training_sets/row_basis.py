"""Which events a served row was computed from: its event time says as of when, and this finds what was known by then.

The stream notes the time and reads the log right after, so a row may hold events recorded a moment after its event
time; and an event is stamped a moment before it is durable, so a row may lack one stamped a moment before. A batch may
compute for an instant long past with all that is known today. So cutoffs are tried until the row comes out as served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from tidegate.training_sets.as_of import Instant, Values, values_as_of
from tidegate.training_sets.served import ServedView

MOMENT_US = 10_000_000
"""How far from the row's event time a cutoff may lie, but for the last one."""
_NEAREST = 16
"""Cutoffs tried on either side."""

Recorded = Mapping[str, Sequence[tuple[int, int]]]
"""By account: when each of its events occurred and was recorded, microseconds since 1970 UTC."""


@dataclass(slots=True)
class Basis:
    """The best explanation of a served row so far."""

    served: ServedView
    """What is to be explained."""
    known_at_us: int
    """Events recorded up to then."""
    row: Values | None = None
    """What the definition gives for it; None where the account had no event."""
    matching: int = -1
    """How many of the served values that is equal to."""
    cutoffs: list[int] = field(default_factory=list)
    """Still to be tried, the next one last."""

    @property
    def whole(self) -> bool:
        """The row came out as it was served."""
        return self.matching == len(self.served.values)

    @property
    def settled(self) -> bool:
        """Nothing is left to try, or need be."""
        return self.whole or not self.cutoffs

    def next_instant(self) -> Instant:
        """What to compute next."""
        at_us = self.served.row_at_us
        assert at_us is not None
        return Instant(self.served.decided.account_id, at_us, self.cutoffs.pop())

    def take(self, known_at_us: int, row: Values | None) -> None:
        """Keeps it if it is equal to more of what was served."""
        matching = sum((row or {}).get(name) == value for name, value in self.served.values.items())
        if matching > self.matching:
            self.known_at_us, self.row, self.matching = known_at_us, row, matching


def bases(served: Sequence[ServedView], events: pa.Table, recorded: Recorded) -> list[Basis]:
    """The basis of each row that has an event time, in order."""
    every = [_untried(each, recorded.get(each.decided.account_id, ())) for each in served if each.row_at_us is not None]
    while waiting := [each for each in every if not each.settled]:
        instants = [each.next_instant() for each in waiting]
        values = values_as_of(events, instants)
        for basis, instant in zip(waiting, instants, strict=True):
            basis.take(instant.known_at_us, values.get(instant))
    return every


def _untried(served: ServedView, recorded: Sequence[tuple[int, int]]) -> Basis:
    assert served.row_at_us is not None
    at_us, last = served.row_at_us, max(served.row_at_us, served.decided.known_at_us)
    stamps = {stamp for _, stamp in recorded if abs(stamp - at_us) <= MOMENT_US and stamp <= last}
    after = sorted(stamp for stamp in stamps if stamp > at_us)[:_NEAREST]
    ahead = sorted((stamp - 1 for stamp in stamps if stamp <= at_us), reverse=True)[:_NEAREST]
    tried = list(dict.fromkeys([at_us, *after, *ahead, last]))
    return Basis(served, at_us, cutoffs=tried[::-1])
