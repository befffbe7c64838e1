"""An event as a JSON object, as it stands in a line of a file: for loading, exporting and showing.

Fields have the names of `AccountEvent` and times are RFC 3339; what says nothing is left out. This checks form alone;
what values are allowed says `validation`.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from types import UnionType
from typing import Any

import orjson

from tidegate.features.events.event import SENT_KINDS, AccountEvent, EventKind, ProfileFacts


class EventDocumentError(Exception):
    """A document is no event."""

    def __init__(self, field: str, message: str) -> None:
        """Says where and why.

        Args:
            field: As the document names it, `profile.` before those of a profile; empty if it is the whole.
            message: What is wrong and what is allowed; quotes none of the document's values but numbers that are none.
        """
        super().__init__(f"{field} {message}" if field else message)
        self.field = field
        self.message = message


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_EVENT_ID = re.compile(rb'"event_id"\s*:\s*("(?:[^"\\]|\\.)*")')
_ID_CHARACTERS = 160
_NUMBER_CHARACTERS = 24
"""Quoted of a number that is none."""
_REQUIRED = ("event_id", "account_id", "kind", "occurred_at")


def event_of_line(line: bytes | str) -> AccountEvent:
    """The event in a line of JSON. Raises EventDocumentError."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as cause:
        found = next(_no_numbers(_leniently_read(line), within=""), None)
        if found is not None:
            raise found from None
        raise EventDocumentError("", f"is not JSON: {cause.msg} at character {cause.pos + 1}") from None
    return event_of(document)


def event_id_of_line(line: bytes | str) -> str:
    """The id of a line that is no event, as far as it can be read: cut to 160 characters, empty if there is none."""
    try:
        document = orjson.loads(line)
        told = document.get("event_id") if isinstance(document, dict) else None
    except orjson.JSONDecodeError:
        found = _EVENT_ID.search(line if isinstance(line, bytes) else line.encode(errors="replace"))
        told = _string(found[1]) if found else None
    return told[:_ID_CHARACTERS] if isinstance(told, str) else ""


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
            raise EventDocumentError(_path(within, name), f"is no field; there are {', '.join(known)}")
    return {name: known[name](within + name, value) for name, value in document.items() if value is not None}


class _NoNumber(str):
    """What was written for a number that none can be read from: NaN or Infinity, which JSON has not, or 1e999."""

    __slots__ = ()


def _leniently_read(line: bytes | str) -> object:
    """What programs meant that write NaN and Infinity, as Python's `json` does by default; None if it is not that."""

    def number(text: str) -> float | _NoNumber:
        value = float(text)
        return value if math.isfinite(value) else _NoNumber(text)

    try:
        return json.loads(line, parse_constant=_NoNumber, parse_float=number)
    except (ValueError, RecursionError):
        return None


def _no_numbers(document: object, *, within: str) -> Iterator[EventDocumentError]:
    """What to say of each value that is no number."""
    told = document.items() if isinstance(document, dict) else ()
    for name, value in told:
        if isinstance(value, _NoNumber):
            allowed = "a number must be finite, for example 1.5; what is not known is left out, or null"
            yield EventDocumentError(_path(within, name), f"is {value[:_NUMBER_CHARACTERS]}: {allowed}")
        else:
            yield from _no_numbers(value, within=f"{_path(within, name)}.")


def _string(quoted: bytes) -> object:
    try:
        return orjson.loads(quoted)
    except orjson.JSONDecodeError:
        return None


def _path(within: str, name: str) -> str:
    """A field's name after those around it; not what looks like content."""
    return within + name if name.isidentifier() and len(name) <= 64 else within + "?"  # noqa: PLR2004 - a name's length


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
        raise EventDocumentError(name, f"must be one of {', '.join(SENT_KINDS)}") from None


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
