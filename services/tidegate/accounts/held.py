"""What is held on an account, and where: the vocabulary of access and erasure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from tidegate.ledger.archive import LedgerPlace


class Store(StrEnum):
    """Where something about an account may lie."""

    EVENTS = "events"
    """Its own events in the event log."""
    EVENTS_OF_OTHERS = "events_of_others"
    """Events of other accounts that name it: what it reported, followed or blocked."""
    ONLINE = "online"
    """Rows of signals in the online store, one a view."""
    OFFLINE = "offline"
    """Rows in Parquet files under the offline folder: published runs, and what batch runs keep while they work."""
    DECISIONS = "decisions"
    """Records of the decision ledger."""


ERASED_STORES = (Store.EVENTS, Store.EVENTS_OF_OTHERS, Store.ONLINE, Store.OFFLINE)
"""What an erasure empties. The ledger is kept (README)."""

Counts = Mapping[Store, int]
"""Rows, events or records by store."""


def plain(counts: Counts) -> dict[str, int]:
    """For JSON."""
    return {store.value: count for store, count in counts.items()}


class AccountStoreUnavailableError(Exception):
    """A store could not be read or changed."""

    def __init__(self, store: Store, cause: str) -> None:
        super().__init__(f"{store}: {cause}")
        self.store = store
        """Which one."""


@dataclass(frozen=True, slots=True)
class AccountPlaces:
    """Where the stores of one deployment lie."""

    features: Path
    """Feast's directory: its configuration, the offline folder, and the online store if that is SQLite."""
    events: Path
    """The event log."""
    ledger: LedgerPlace
    """The decision ledger."""
    erasures: Path
    """Folder of receipts, and of notes on erasures under way. Neither names an account."""

    @property
    def turn(self) -> Path:
        """What the process that computes signals keeps locked (`features.stream.turn`)."""
        return self.events.with_name(f"{self.events.name}-processor")


@dataclass(frozen=True, slots=True)
class Span:
    """How much one store holds of an account, and of when."""

    count: int = 0
    """Rows, events or records."""
    first: datetime | None = None
    """The earliest, UTC; None if there is none."""
    last: datetime | None = None
    """The latest, UTC; None if there is none."""

    def with_one(self, at: datetime | None) -> "Span":
        """And one more of that time."""
        known = [moment for moment in (self.first, self.last, at) if moment is not None]
        return Span(self.count + 1, min(known, default=None), max(known, default=None))


@dataclass(frozen=True, slots=True)
class Held:
    """What is held on an account."""

    erasable: Counts
    """What an erasure removes, by store."""
    kept: Span
    """Decision records."""
    erased_at: datetime | None
    """Until when it was erased, UTC; None if it never was. Something may have happened to it since."""
    unfinished: bool
    """An erasure of it has begun and not ended."""

    def counts(self) -> Mapping[Store, Span]:
        """By store; what was only counted has no times."""
        return {**{store: Span(count) for store, count in self.erasable.items()}, Store.DECISIONS: self.kept}

    @property
    def is_empty(self) -> bool:
        """Nothing anywhere."""
        return not any(self.erasable.values()) and not self.kept.count

    @property
    def is_erased(self) -> bool:
        """It was erased, to the end, and an erasure would find nothing."""
        return self.erased_at is not None and not self.unfinished and not any(self.erasable.values())
