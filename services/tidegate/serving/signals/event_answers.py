"""What became of events, as SignalService's responses tell it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.features.events.log import Appended
from tidegate.features.stream.intake import RecordedEvent, Refusal, RefusedEvent
from tidegate.serving.signals.event_requests import MAX_EVENTS

MOST_TOLD_OF_STREAM: Final = 100
"""Refused events that a stream's response names; the others are counted."""
MOST_ID_CHARACTERS: Final = 160
"""Of an event id that is quoted in a refusal."""

REASONS: Final = {reason: pb.EventRefusalReason.Value(f"EVENT_REFUSAL_REASON_{reason.name}") for reason in Refusal}

_OF_EVENT = {"event_id": "event_id", "account_id": "account_id", "occurred_at": "occur_time", "kind": "what"}
_OF_KIND = {"expires_at": "expire_time", "profile.registered_at": "register_time"}
_OF_PROFILE = "profile."


class Tally:
    """Counts outcomes of one call, message by message."""

    def __init__(self, *, most_told: int = MAX_EVENTS) -> None:
        """Nothing yet.

        Args:
            most_told: Refused events that are named; beyond that they are counted only.
        """
        self.accepted = 0
        self.repeated = 0
        self.refused_by_reason = Counter[Refusal]()
        self._most_told = most_told
        self._told: list[pb.RefusedEvent] = []
        self._seen = 0

    @property
    def seen(self) -> int:
        """Events so far."""
        return self._seen

    def add(self, events: Iterable[pb.AccountEvent], outcomes: Sequence[RecordedEvent | RefusedEvent]) -> None:
        """Takes the outcomes of one message's events, in their order."""
        for event, outcome in zip(events, outcomes, strict=True):
            if isinstance(outcome, RefusedEvent):
                self._refused(event, outcome)
            elif outcome.appended is Appended.REPEATED:
                self.repeated += 1
            else:
                self.accepted += 1
            self._seen += 1

    def response(self) -> pb.RecordEventsResponse:
        """For RecordEvents."""
        return pb.RecordEventsResponse(accepted_count=self.accepted, repeated_count=self.repeated, refused=self._told)

    def stream_response(self) -> pb.RecordEventStreamResponse:
        """For RecordEventStream."""
        return pb.RecordEventStreamResponse(
            accepted_count=self.accepted,
            repeated_count=self.repeated,
            refused_count=self.refused_by_reason.total(),
            refused=self._told,
            refused_by_reason=[
                pb.EventRefusalCount(reason=REASONS[reason], count=self.refused_by_reason[reason])
                for reason in Refusal
                if self.refused_by_reason[reason]
            ],
        )

    def _refused(self, event: pb.AccountEvent, outcome: RefusedEvent) -> None:
        self.refused_by_reason[outcome.reason] += 1
        if len(self._told) >= self._most_told:
            return
        self._told.append(
            pb.RefusedEvent(
                index=self._seen,
                event_id=event.event_id[:MOST_ID_CHARACTERS],
                reason=REASONS[outcome.reason],
                field=path_of(outcome.field, event.WhichOneof("what")),
                message=outcome.message,
            )
        )


def path_of(field: str, what: str | None) -> str:
    """A field of the domain by its path in the proto's AccountEvent."""
    if field in _OF_EVENT:
        return _OF_EVENT[field]
    leaf = _OF_KIND.get(field, field.removeprefix(_OF_PROFILE))
    return f"{what}.{leaf}" if leaf and what and leaf != what else leaf
