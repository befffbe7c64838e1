"""The port to the event log: durable, append-only, each event once. All methods block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import pyarrow as pa

from tidegate.features.events.event import AccountEvent

EVENT_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("occurred_at_us", pa.int64(), nullable=False),
        pa.field("recorded_at_us", pa.int64(), nullable=False),
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("counterpart_id", pa.string(), nullable=False),
        pa.field("content_digest", pa.string(), nullable=False),
        pa.field("points", pa.float64(), nullable=False),
        pa.field("expires_at_us", pa.int64(), nullable=True),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("verified", pa.bool_(), nullable=True),
        pa.field("profile", pa.string(), nullable=True),
    ]
)
"""Events as columns: what the log gives out, what lies in Parquet, and what `transforms` read. Times are microseconds
since 1970 UTC; `recorded_at_us` is when the log made the event durable; `profile` is `ProfileFacts` as JSON without
what is None, `registered_at` as microseconds (`registered_at_us`)."""


class Appended(StrEnum):
    """What became of an event that was given to the log."""

    NEW = "NEW"
    """It is durable now."""
    REPEATED = "REPEATED"
    """It was there already, with the same content."""
    CONFLICT = "CONFLICT"
    """Its id is there with other content; nothing was changed."""
    ERASED = "ERASED"
    """It happened before its account was erased; it is not kept."""


class EventLogUnavailableError(Exception):
    """The log could not be written or read. Nothing that was given to the failed call may be taken for recorded."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure took out of the log."""

    events: int
    """Events deleted."""
    erased_at: datetime
    """Events of the account that occurred up to here are refused from now on; UTC."""


EVERYTHING = -(2**62)
"""Before every event, in microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log held at one moment."""

    events: pa.Table
    """In `EVENT_SCHEMA`: account by account as asked, those of an account by time and id."""
    versions: Mapping[str, int]
    """As `EventLog.versions`. An account that was never erased has so many events, less `removed`."""
    removed: Mapping[str, int]
    """By account: how many of its events retention has taken out."""
    epoch: str
    """Differs from that of an earlier reading if events may have changed or gone meanwhile, and not only come. An
    erasure takes an account's events out, and its name out of the events of others."""


class EventLog(Protocol):
    """Keeps events, and the two small notes that the stream processor needs to go on after a restart."""

    def append(self, events: Sequence[AccountEvent], *, recorded_at: datetime) -> Sequence[Appended]:
        """Makes events durable in one transaction, then says what became of each, in order.

        The touched accounts are due for recomputation (`due`) in the same transaction, so that none is forgotten.

        Raises:
            EventLogUnavailableError: None of them was recorded.
        """
        ...

    def history(self, account_ids: Sequence[str], *, known_at: datetime | None = None) -> pa.Table:
        """Events of these accounts in `EVENT_SCHEMA`, by account, time and id; only those recorded by `known_at`."""
        ...

    def later(self, after_us: Mapping[str, int]) -> Reading:
        """Events that occurred later than an instant of each account's own, for whoever has those up to there.

        Args:
            after_us: By account, microseconds since 1970 UTC; `EVERYTHING` for the whole history.
        """
        ...

    def accounts(self, *, after: str = "", limit: int = 10_000) -> Sequence[str]:
        """Accounts that have events, in order, page by page."""
        ...

    def due(self, *, now: datetime, limit: int) -> Sequence[str]:
        """Accounts whose signals are to be computed again by now, the longest overdue first."""
        ...

    def computed(self, next_due: Mapping[str, datetime], *, seen: Mapping[str, int]) -> None:
        """Notes when each account is due again.

        Args:
            next_due: By account.
            seen: `version` of each account as it was read; an account with newer events stays due at once.
        """
        ...

    def versions(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """How many events were ever recorded of each account: read it before `history`."""
        ...

    def held(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """How many events there are of each account; more is told of one that was erased once."""
        ...

    def signals_since(self) -> datetime | None:
        """From when on the events are all that signals read; None while no event was removed for its age.

        Of instants before, signals would come out wrong without anybody seeing it: refuse them, or leave them out and
        say so (`retention.period`).
        """
        ...

    def cursor(self, name: str) -> str:
        """A reader's noted place in another log; empty at first."""
        ...

    def move_cursor(self, name: str, place: str) -> None:
        """Notes it."""
        ...

    def erase(self, account_id: str, *, at: datetime) -> Erasure:
        """Deletes an account's events and remembers (by keyed digest, not by name) that they must not come back."""
        ...

    def erased(self, account_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Those of the accounts that were erased, and when."""
        ...

    def close(self) -> None:
        """Closes it."""
        ...
