"""An event as a JSON object, as it stands in a line of a file: for loading, exporting and showing.

Fields have the names of `AccountEvent` and times are RFC 3339; what says nothing is left out. This checks form alone;
what values are allowed says `validation`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from types import UnionType
from typing import Any

import orjson

from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts


class EventDocumentError(Exception):
    """A document is no event."""

    def __init__(self, field: str, message: str) -> None:
        """Says where and why.

        Args:
            field: As the document names it, `profile.` before those of a profile; empty if it is the whole.
            message: What is wrong and what is allowed; quotes none of the document's values.
        """
        super().__init__(f"{field} {message}" if field else message)
        self.field = field
        self.message = message


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_REQUIRED = ("event_id", "account_id", "kind", "occurred_at")


def event_of_line(line: bytes | str) -> AccountEvent:
    """The event in a line of JSON. Raises EventDocumentError."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as cause:
        raise EventDocumentError("", f"is not JSON: {cause.msg} at character {cause.pos + 1}") from None
    return event_of(document)


def line_of(event: AccountEvent) -> bytes:
    """The event as one line of JSON, the line feed included."""
    return orjson.dumps(document_of(event), option=orjson.OPT_APPEND_NEWLINE)


def event_of(document: object) -> AccountEvent:
    """The event that a JSON object tells of. A field that is null counts as left out.

    Raises:
        EventDocumentError: A field is unknown, missing or of another type.
    """
    told = _told(document, _EVENT_FIELDS, within="")
    for name in _REQUIRED:
        if name not in told:
            raise EventDocumentError(name, "is missing")
    return AccountEvent(**told)


def document_of(event: AccountEvent) -> dict[str, object]:
    """The event as a JSON object."""
    shown = _shown(event)
    if event.kind is EventKind.PLAY:
        shown["count"] = event.count  # required there, also where it is what is assumed elsewhere
    return shown


def _told(document: object, known: Mapping[str, Callable[[str, Any], object]], *, within: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise EventDocumentError(within.rstrip("."), "must be a JSON object")
    for name in document:
        if name not in known:
            where = within + name if name.isidentifier() and len(name) <= 64 else within + "?"  # noqa: PLR2004 - a name's length
            raise EventDocumentError(where, f"is no field; there are {', '.join(known)}")
    return {name: known[name](within + name, value) for name, value in document.items() if value is not None}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise EventDocumentError(name, "must be a string")
    return value


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise EventDocumentError(name, "must be true or false")
    return value


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise EventDocumentError(name, "must be a whole number")
    return value


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise EventDocumentError(name, "must be a number")
    return float(value)


def _time(name: str, value: object) -> datetime:
    wanted = 'must be a time with its offset from UTC and at most microseconds, for example "2026-01-31T23:59:59.5Z"'
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise EventDocumentError(name, wanted)
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February, or a year 0 by its offset
        raise EventDocumentError(name, wanted) from None


def _kind(name: str, value: object) -> EventKind:
    try:
        return EventKind(_text(name, value))
    except ValueError:
        raise EventDocumentError(name, f"must be one of {', '.join(EventKind)}") from None


def _profile(name: str, value: object) -> ProfileFacts:
    return ProfileFacts(**_told(value, _PROFILE_FIELDS, within=f"{name}."))


def _shown(told: AccountEvent | ProfileFacts) -> dict[str, object]:
    values = ((field.name, field.default, getattr(told, field.name)) for field in fields(told))
    return {name: _value(value) for name, default, value in values if value != default}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _shown(value) if isinstance(value, ProfileFacts) else value


_READERS: Mapping[object, Callable[[str, Any], object]] = {
    str: _text,
    bool: _truth,
    int: _whole,
    float: _number,
    datetime: _time,
    EventKind: _kind,
    ProfileFacts: _profile,
}


def _readers(of: type[AccountEvent | ProfileFacts]) -> Mapping[str, Callable[[str, Any], object]]:
    """By field, from the types that the dataclass declares: `str`, or `str | None`."""
    declared = {each.name: each.type for each in fields(of)}
    plain = {name: kind.__args__[0] if isinstance(kind, UnionType) else kind for name, kind in declared.items()}
    return {name: _READERS[kind] for name, kind in plain.items()}


_PROFILE_FIELDS = _readers(ProfileFacts)
_EVENT_FIELDS = _readers(AccountEvent)
