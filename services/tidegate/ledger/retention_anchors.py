"""What retention leaves of the records that it removes: where each chain goes on, and which run took out what.

An anchor stands for records of one writer that followed each other. It is stored in the transaction that removes them,
so `verify` can walk over it, and anything else that is missing still shows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_HEX_DIGITS = 32
_DECIDED_WITHIN = timedelta(minutes=1)
"""From the moment of an id to that of its decision: the id is drawn first, in the same request."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Records of one writer that followed each other and were removed."""

    writer_id: str
    """The writer."""
    first_sequence: int
    """Of the first of them."""
    last_sequence: int
    """Of the last of them."""
    previous_hash: bytes
    """Of the record before the first."""
    hash: bytes
    """Of the last: what follows goes on from it."""
    day: date
    """UTC day of their decisions."""

    @property
    def records(self) -> int:
        """How many they were."""
        return self.last_sequence - self.first_sequence + 1


@dataclass(frozen=True, slots=True)
class Survey:
    """What a day held at one moment. Records are never changed, so all of it still holds when they are removed."""

    day: date
    """In UTC."""
    records: int
    """Of that day."""
    anchors: tuple[Anchor, ...]
    """That stand for all of them, by writer, then by sequence."""
    ends: Mapping[str, int]
    """Where every chain ended then: what is behind it came later."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Under which rule days are removed, and by what."""

    keep_days: int
    """Days before today that are kept."""
    exported_to: str
    """Where their export was found whole; empty if they were to go without one."""
    command: str
    """As it was called, without the ledger's address, which may hold a password."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What one run removed of one day."""

    day: date
    """UTC day of the decisions."""
    records: int
    """How many."""
    writers: int
    """Of how many chains."""
    removed_at: datetime
    """When it began, UTC."""
    reason: Reason
    """Why."""

    def told(self) -> str:
        """For people."""
        return f"removed by retention on {self.removed_at:%Y-%m-%d} ({self.reason.keep_days} days are kept)"


def days_told(decision_id: str) -> tuple[date, date] | None:
    """First and last UTC day on which the decision can have been made, by its id; None if the id does not tell."""
    moment = _moment_told(decision_id)
    try:
        return None if moment is None else (moment.date(), (moment + _DECIDED_WITHIN).date())
    except OverflowError:
        return None


def by_writer(anchors: Iterable[Anchor]) -> dict[str, list[Anchor]]:
    """Sorted by writer, the anchors of each."""
    found: dict[str, list[Anchor]] = {}
    for anchor in anchors:
        found.setdefault(anchor.writer_id, []).append(anchor)
    return found


def batches(anchors: Iterable[Anchor], *, limit: int) -> Iterator[list[tuple[Anchor, int, int]]]:
    """All of these records in pieces: anchor, first and last sequence; `limit` records a batch at most."""
    batch: list[tuple[Anchor, int, int]] = []
    room = limit
    for anchor in anchors:
        first = anchor.first_sequence
        while first <= anchor.last_sequence:
            last = min(anchor.last_sequence, first + room - 1)
            batch.append((anchor, first, last))
            room -= last - first + 1
            first = last + 1
            if room == 0:
                yield batch
                batch, room = [], limit
    if batch:
        yield batch


def _moment_told(decision_id: str) -> datetime | None:
    if len(decision_id) != _HEX_DIGITS or decision_id[12] != "7":
        return None
    try:
        return datetime.fromtimestamp(int(decision_id[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
