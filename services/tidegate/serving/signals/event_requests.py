"""SignalService's events to domain. Whatever a message can hold gives an event or a refusal of that event alone.

Checks only what an `AccountEvent` can't express; whether an event may be recorded is `SignalIntake`'s to say.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts
from tidegate.features.stream.intake import Refusal, RefusedEvent
from tidegate.moderation.decision import Action
from tidegate.moderation.errors import FieldViolation, InvalidRequest

MAX_EVENTS: Final = 1_000
"""Most events of one message, as the proto promises."""

KINDS: Final = {field.name: EventKind[field.name.upper()] for field in pb.AccountEvent.DESCRIPTOR.oneofs[0].fields}
"""Kinds by what the oneof calls them."""

_ACTIONS = {decision_pb2.Action.Value(f"ACTION_{action.name}"): action for action in Action}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799  # years 1 to 9999, the range of a Timestamp
_NANOS_PER_S = 1_000_000_000

_Values = dict[str, Any]


class _Malformed(Exception):
    """A field that can't be expressed: its domain name, and what is allowed."""

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(allowed)
        self.field = field
        self.allowed = allowed


def require_events(count: int) -> None:
    """Refuses a message without events, or with too many. Raises InvalidRequest."""
    if not 1 <= count <= MAX_EVENTS:
        raise InvalidRequest([FieldViolation("events", f"must have 1 to {MAX_EVENTS}, has {count}")])


def event_of(message: pb.AccountEvent) -> AccountEvent | RefusedEvent:
    """The event, or why it is none."""
    what = message.WhichOneof("what")
    if what is None:
        allowed = f"must be one of {', '.join(KINDS)}; it is missing, or of a kind that is not known here"
        return RefusedEvent(Refusal.INVALID, "kind", allowed)
    try:
        return AccountEvent(
            event_id=message.event_id,
            account_id=message.account_id,
            kind=KINDS[what],
            occurred_at=_occurred_at(message),
            **_READERS[what](getattr(message, what)),
        )
    except _Malformed as error:
        return RefusedEvent(Refusal.INVALID, error.field, error.allowed)


def _occurred_at(message: pb.AccountEvent) -> datetime:
    if not message.HasField("occur_time"):
        raise _Malformed("occurred_at", "is required")
    return _time(message.occur_time, "occurred_at")


def _time(value: Timestamp, field: str) -> datetime:
    if not (_FIRST_S <= value.seconds <= _LAST_S and 0 <= value.nanos < _NANOS_PER_S):
        raise _Malformed(field, "must be a time of the years 1 to 9999, with 0 to 999,999,999 nanoseconds")
    return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1_000)


def _post(message: pb.UploadEvent | pb.CommentEvent) -> _Values:
    return {"subject_id": message.subject_id, "content_digest": message.content_digest}


def _report(message: pb.ReportReceivedEvent) -> _Values:
    return {"counterpart_id": message.counterpart_id, "subject_id": message.subject_id}


def _strike(message: pb.StrikeIssuedEvent) -> _Values:
    expires_at = _time(message.expire_time, "expires_at") if message.HasField("expire_time") else None
    return {"subject_id": message.subject_id, "points": message.points, "expires_at": expires_at}


def _about(message: Any) -> _Values:
    return {"subject_id": message.subject_id}


def _by(message: pb.FollowEvent | pb.BlockEvent) -> _Values:
    return {"counterpart_id": message.counterpart_id}


def _verification(message: pb.VerificationEvent) -> _Values:
    return {"verified": message.verified if message.HasField("verified") else None}


def _play(message: pb.PlayEvent) -> _Values:
    return {"count": message.count, "subject_id": message.subject_id}


def _outcome(message: pb.ReviewOutcomeEvent) -> _Values:
    if message.action != decision_pb2.ACTION_UNSPECIFIED and message.action not in _ACTIONS:
        raise _Malformed("action", f"must be one of {', '.join(Action)}")
    action = _ACTIONS.get(message.action)
    return {"subject_id": message.subject_id, "action": action.value if action else ""}


def _profile(message: pb.ProfileEvent) -> _Values:
    facts: _Values = {field.name: value for field, value in message.ListFields() if field.name != "register_time"}
    if message.HasField("register_time"):
        facts["registered_at"] = _time(message.register_time, "profile.registered_at")
    return {"profile": ProfileFacts(**facts)}


_READERS: Mapping[str, Callable[[Any], _Values]] = {
    "upload": _post,
    "comment": _post,
    "report_received": _report,
    "strike_issued": _strike,
    "strike_expired": _about,
    "strike_reversed": _about,
    "appeal_opened": _about,
    "appeal_upheld": _about,
    "appeal_denied": _about,
    "follow": _by,
    "block": _by,
    "verification": _verification,
    "play": _play,
    "profile": _profile,
    "review_outcome": _outcome,
}
