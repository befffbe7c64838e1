"""Which fields of an item keep it from being put into a message. Looked for only after that has failed."""

from collections.abc import Iterator
from enum import StrEnum

from tidegate.client.errors import WrongField
from tidegate.moderation.item import ContentItem, NoticeSource, Part, Surface

_LARGEST_UINT64 = 2**64 - 1


def wrong_fields(item: ContentItem) -> tuple[WrongField, ...]:
    """Every field that protobuf can't take, by its path in the request."""
    return tuple(_wrong(item)) or (WrongField("item", "can't be put into a message"),)


def _wrong(item: ContentItem) -> Iterator[WrongField]:
    for name in ("content_id", "account_id", "market", "language"):
        yield from _text(f"item.{name}", getattr(item, name))
    yield from _member("item.surface", item.surface, Surface)
    yield from _member("item.source", item.source, NoticeSource)
    for index, part in enumerate(item.parts):
        yield from _part(f"item.parts[{index}]", part)


def _part(path: str, part: Part) -> Iterator[WrongField]:
    yield from _text(f"{path}.id", part.id)
    yield from _text(f"{path}.text.text", part.text)
    data: object = part.data  # what callers without a type checker put there
    if not isinstance(data, bytes):
        yield WrongField(f"{path}.{part.kind}.data", "must be bytes")
    for index, segment in enumerate(part.segments):
        at = f"{path}.transcript.segments[{index}]"
        yield from _text(f"{at}.text", segment.text)
        yield from _time(f"{at}.start_ms", segment.start_ms)
        yield from _time(f"{at}.end_ms", segment.end_ms)


def _text(path: str, value: object) -> Iterator[WrongField]:
    if not isinstance(value, str):
        yield WrongField(path, "must be a string")
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        yield WrongField(path, "must be Unicode text; it holds half of a surrogate pair")


def _time(path: str, value: object) -> Iterator[WrongField]:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST_UINT64:
        yield WrongField(path, "must be a whole number of milliseconds, not below zero")


def _member(path: str, value: object, kind: type[StrEnum]) -> Iterator[WrongField]:
    if value not in list(kind):
        yield WrongField(path, f"must be one of {', '.join(kind)}")
