"""The port that takes events in: what the gRPC service and the ledger's tail hand them to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import Appended


class Refusal(StrEnum):
    """Why an event was not recorded."""

    INVALID = "INVALID"
    """A field is missing, malformed, out of range, or does not belong to the kind."""
    TOO_LATE = "TOO_LATE"
    """It happened longer ago than lateness is allowed, and the call is no backfill."""
    IN_FUTURE = "IN_FUTURE"
    """It claims to have happened further ahead than clocks may differ."""
    CONFLICT = "CONFLICT"
    """Its id was recorded with other content."""
    ERASED = "ERASED"
    """It happened before its account was erased."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that was not recorded, and what to change."""

    reason: Refusal
    """Why."""
    field: str
    """The field at fault, by its name in `AccountEvent`; empty if none is."""
    message: str
    """What is wrong and what is allowed. Quotes no content of the event but numbers and times."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event that is durable."""

    appended: Appended
    """NEW or REPEATED."""


class SignalIntake(Protocol):
    """Takes events in. What `record` has answered with `RecordedEvent` is durable and becomes visible by itself."""

    async def record(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """One answer per event, in order; refused ones don't keep the others out.

        Args:
            events: At most a few thousand.
            backfill: Takes events that happened longer ago than `TOO_LATE` allows.

        Raises:
            EventLogUnavailableError: None of them is known to be recorded; the same call may be repeated.
        """
        ...

    async def ready(self) -> bool:
        """True if events could be recorded now."""
        ...

    async def close(self) -> None:
        """Writes out what was accepted and stops."""
        ...
