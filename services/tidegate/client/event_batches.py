"""Account events on their way: which go into which message, and what the answers say of each. No I/O."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.client.event_messages import UnsendableError, event_message, field_of
from tidegate.client.events import MOST_EVENTS, RecordedEvents, RefusedEvent
from tidegate.features.events.event import AccountEvent

_ID_CHARACTERS: Final = 160
_INVALID: Final = "INVALID"
_REASON_PREFIX: Final = "EVENT_REFUSAL_REASON_"


class EventBatch:
    """Some events, the messages that they travel in, and those that can't travel: refused here, like by the service."""

    def __init__(self, events: Sequence[AccountEvent], *, first: int, backfill: bool) -> None:
        """Makes the messages.

        Args:
            events: Any number.
            first: Place of the first among all that the caller gave.
            backfill: See `TidegateClient.record_events`.
        """
        self._backfill = backfill
        self._places: list[int] = []
        self._messages: list[pb.AccountEvent] = []
        self._refused: list[RefusedEvent] = []
        for place, event in enumerate(events, start=first):
            try:
                self._messages.append(event_message(event))
                self._places.append(place)
            except UnsendableError as error:
                event_id = str(event.event_id)[:_ID_CHARACTERS]
                self._refused.append(RefusedEvent(place, event_id, _INVALID, error.field, error.message))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self._messages

    def request(self) -> pb.RecordEventsRequest:
        """For RecordEvents; for at most `MOST_EVENTS`."""
        return pb.RecordEventsRequest(events=self._messages, backfill=self._backfill)

    def requests(self) -> Iterator[pb.RecordEventStreamRequest]:
        """For RecordEventStream."""
        for start in range(0, len(self._messages), MOST_EVENTS):
            events = self._messages[start : start + MOST_EVENTS]
            yield pb.RecordEventStreamRequest(events=events, backfill=self._backfill)

    def unsent(self) -> RecordedEvents:
        """The outcome where nothing could be sent."""
        return self._outcome(0, 0, [], Counter())

    def recorded(self, response: pb.RecordEventsResponse) -> RecordedEvents:
        """The outcome that RecordEvents tells."""
        by_reason = Counter(_reason(each.reason) for each in response.refused)
        return self._outcome(response.accepted_count, response.repeated_count, response.refused, by_reason)

    def streamed(self, response: pb.RecordEventStreamResponse) -> RecordedEvents:
        """The outcome that RecordEventStream tells."""
        by_reason = Counter({_reason(each.reason): each.count for each in response.refused_by_reason})
        return self._outcome(response.accepted_count, response.repeated_count, response.refused, by_reason)

    def _outcome(
        self, accepted: int, repeated: int, told: Sequence[pb.RefusedEvent], by_reason: Counter[str]
    ) -> RecordedEvents:
        if self._refused:
            by_reason = by_reason + Counter({_INVALID: len(self._refused)})
        refused = [*self._refused, *map(self._refusal, told)]
        return RecordedEvents(accepted, repeated, tuple(sorted(refused, key=lambda each: each.index)), by_reason)

    def _refusal(self, message: pb.RefusedEvent) -> RefusedEvent:
        return RefusedEvent(
            index=self._places[message.index],
            event_id=message.event_id,
            reason=_reason(message.reason),
            field=field_of(message.field),
            message=message.message,
        )


def _reason(value: int) -> str:
    """Its name, or its number if only a newer client knows one."""
    if value not in pb.EventRefusalReason.values():
        return str(value)
    return pb.EventRefusalReason.Name(pb.EventRefusalReason.ValueType(value)).removeprefix(_REASON_PREFIX)
