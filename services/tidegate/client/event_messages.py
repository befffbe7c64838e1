"""Account events as messages, and what keeps one from becoming a message."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.features.events.event import FIELDS, AccountEvent, EventField, EventKind, ProfileFacts
from tidegate.moderation.decision import Action

MAX_EVENT_BYTES: Final = 8 * 1024
"""No event that the service takes is nearly as large; a thousand larger ones would not fit into a message."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
_PATHS = {"kind": "what", "occurred_at": "occur_time", "expires_at": "expire_time", "registered_at": "register_time"}
_NAMES = {path: name for name, path in _PATHS.items()}
_DEFAULTS = {name: AccountEvent.__dataclass_fields__[name].default for name in EventField}
_FOREIGN = {kind: frozenset(EventField) - carried.required - carried.optional for kind, carried in FIELDS.items()}
_OWN = {kind: tuple(sorted(carried.required | carried.optional)) for kind, carried in FIELDS.items()}
_SENT: Final = {field.name for field in pb.AccountEvent.DESCRIPTOR.oneofs[0].fields}
_ALLOWED: Final = ", ".join(each for each in EventKind if each.lower() in _SENT)


class UnsendableError(Exception):
    """An event that can't be put into a message."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        """By its name in `AccountEvent`."""
        self.message = message
        """What is wrong and what is allowed."""


def event_message(event: AccountEvent) -> pb.AccountEvent:
    """The event's message.

    Raises:
        UnsendableError: It has none, and the field that is why.
    """
    kind = _kind(event)
    message = pb.AccountEvent()
    for name in ("event_id", "account_id", "occurred_at"):
        _put(message, name, getattr(event, name), of=name)
    details = getattr(message, kind.lower())
    details.SetInParent()
    for name in _OWN[kind]:
        _put_detail(details, name, getattr(event, name))
    size_bytes = message.ByteSize()
    if size_bytes > MAX_EVENT_BYTES:
        problem = f"makes most of the event's {size_bytes} bytes; at most {MAX_EVENT_BYTES} can be sent"
        raise UnsendableError(_longest(event), problem)
    return message


def field_of(path: str) -> str:
    """A field by its name in `AccountEvent`, from its path in the message."""
    owner, _, leaf = path.rpartition(".")
    name = _NAMES.get(leaf, leaf)
    return f"profile.{name}" if owner == "profile" else name


def _kind(event: AccountEvent) -> EventKind:
    try:
        kind = EventKind(event.kind)
    except ValueError as error:
        raise UnsendableError("kind", f"must be one of {_ALLOWED}") from error
    if kind.lower() not in _SENT:
        raise UnsendableError("kind", f"{kind} is recorded by the service itself; must be one of {_ALLOWED}")
    for name in sorted(_FOREIGN[kind]):
        if getattr(event, name) != _DEFAULTS[name]:
            raise UnsendableError(name, f"does not belong to {kind}; it must be left out")
    return kind


def _put_detail(details: Message, name: str, value: object) -> None:
    if name == EventField.ACTION:
        _put_action(details, value)
    elif isinstance(value, ProfileFacts):
        for fact in ProfileFacts.__dataclass_fields__:
            _put(details, fact, getattr(value, fact), of=f"profile.{fact}")
    elif name == EventField.PROFILE:
        raise UnsendableError(name, "is required")
    else:
        _put(details, name, value, of=name)


def _put_action(details: Message, value: object) -> None:
    if value not in list(Action):
        raise UnsendableError("action", f"must be one of {', '.join(Action)}")
    _put(details, "action", decision_pb2.Action.Value(f"ACTION_{value}"), of="action")


def _put(message: Message, name: str, value: object, *, of: str) -> None:
    path = _PATHS.get(name, name)
    try:
        if isinstance(value, datetime):
            getattr(message, path).CopyFrom(_timestamp(value, of))
        elif value is not None:
            setattr(message, path, value)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnsendableError(of, "can't be sent: it is of the wrong type, out of range or no Unicode text") from error


def _timestamp(value: datetime, field: str) -> Timestamp:
    if value.tzinfo is None:
        raise UnsendableError(field, "must have a time zone")
    seconds, rest = divmod(value - _EPOCH, _SECOND)
    return Timestamp(seconds=seconds, nanos=rest // _MICROSECOND * 1_000)


def _longest(event: AccountEvent) -> str:
    texts: dict[str, Any] = {name: getattr(event, name) for name in AccountEvent.__dataclass_fields__}
    return max(texts, key=lambda name: len(texts[name]) if isinstance(texts[name], str) else 0)
