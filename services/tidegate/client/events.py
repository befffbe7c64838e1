"""What became of account events that were handed over."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

MOST_EVENTS: Final = 1_000
"""Most events of one message: what the service takes."""
LEG_EVENTS: Final = 10_000
"""Events of one stream. Beyond it another stream begins, so that what has to be sent again stays small."""
CALL_DEADLINE_S: Final = 30.0
"""For one call of up to `MOST_EVENTS`, retries included."""
LEG_DEADLINE_S: Final = 120.0
"""For one stream, retries included."""
ATTEMPT_S: Final = 20.0
"""For one attempt of either. A proxy may hold a call while the service behind it starts again."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that was not recorded. Sending it again as it is changes nothing."""

    index: int
    """Its place among the events that were given, counting from 0."""
    event_id: str
    """Its id, cut to 160 characters."""
    reason: str
    """INVALID, TOO_LATE, IN_FUTURE, CONFLICT (its id was recorded with other content) or ERASED; a newer service may
    have other reasons."""
    field: str
    """The field at fault, by its name in `AccountEvent` ("points", "profile.plan"); empty if none is."""
    message: str
    """What is wrong and what is allowed."""


@dataclass(frozen=True, slots=True)
class RecordedEvents:
    """The outcome for a number of events. What is not refused is durable."""

    accepted: int = 0
    """Recorded now."""
    repeated: int = 0
    """Recorded before, with the same content."""
    refused: tuple[RefusedEvent, ...] = ()
    """Not recorded. All of them from `record_events`, the first 100 of each ten thousand from `record_event_stream`."""
    refused_by_reason: Mapping[str, int] = field(default_factory=dict)
    """All that were not recorded, by reason."""

    @property
    def refused_count(self) -> int:
        """How many were not recorded."""
        return sum(self.refused_by_reason.values())

    @property
    def count(self) -> int:
        """How many events this is about."""
        return self.accepted + self.repeated + self.refused_count


def together(outcomes: Iterable[RecordedEvents]) -> RecordedEvents:
    """Several outcomes as one."""
    parts = list(outcomes)
    by_reason = Counter[str]()
    for part in parts:
        by_reason.update(part.refused_by_reason)
    return RecordedEvents(
        accepted=sum(part.accepted for part in parts),
        repeated=sum(part.repeated for part in parts),
        refused=tuple(refused for part in parts for refused in part.refused),
        refused_by_reason=by_reason,
    )
