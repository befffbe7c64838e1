"""Items as JSON: the lines of an item file, and the refusals that scripts read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.client import (
    ContentItem,
    ModerationError,
    NoticeSource,
    Part,
    Surface,
    TranscriptSegment,
    audio_part,
    image_part,
    text_part,
    transcript_part,
)

_ITEM_KEYS = frozenset(
    {"content_id", "account_id", "surface", "market", "language", "source", "idempotency_key", "text", "parts"}
)
_PART_KEYS = frozenset({"id", "text", "image_path", "audio_path", "transcript"})
_CONTENTS = ("text", "image_path", "audio_path", "transcript")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that got no decision."""

    content_id: str | None
    """The item's id, as far as it could be read."""
    code: str
    """gRPC status name."""
    message: str
    """What is wrong."""
    fields: tuple[tuple[str, str], ...] = ()
    """Wrong fields and what is allowed."""

    def as_json(self) -> dict[str, Any]:
        """The machine format."""
        fields = [{"field": field, "description": description} for field, description in self.fields]
        return {
            "content_id": self.content_id,
            "error": {"code": self.code, "message": self.message, "fields": fields},
        }

    @classmethod
    def of(cls, content_id: str, error: ModerationError) -> "Refusal":
        """Of an item that the service refused."""
        fields = tuple((wrong.field, wrong.description) for wrong in error.fields)
        return cls(content_id, error.code.name, error.message, fields)


class ItemLineError(Exception):
    """A line of an item file is not an item."""

    def __init__(self, content_id: str | None, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}")
        self.refusal = Refusal(content_id, "INVALID_ARGUMENT", f"{field}: {description}", ((field, description),))


def item_of_line(line: str, *, number: int, base: Path) -> tuple[ContentItem, str | None]:
    """An item and its idempotency key from one line of JSON.

    Args:
        line: The JSON object.
        number: Counting from 1, for messages.
        base: What relative paths in it start from.

    Raises:
        ItemLineError: It is not an item; the refusal names the field.
    """
    try:
        plain = json.loads(line)
    except json.JSONDecodeError as error:
        raise ItemLineError(None, f"line {number}", f"is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(plain, dict):
        raise ItemLineError(None, f"line {number}", "must be a JSON object")
    return _item(plain, base)


def _item(plain: Mapping[str, Any], base: Path) -> tuple[ContentItem, str | None]:
    content_id = plain.get("content_id") if isinstance(plain.get("content_id"), str) else None
    _refuse_unknown(content_id, plain, _ITEM_KEYS, "")
    item = ContentItem(
        content_id=_string(content_id, plain, "content_id"),
        account_id=_string(content_id, plain, "account_id"),
        surface=_surface(content_id, plain),
        market=_string(content_id, plain, "market"),
        language=_string(content_id, plain, "language", required=False),
        source=_source(content_id, plain),
        parts=_parts(content_id, plain, base),
    )
    return item, _string(content_id, plain, "idempotency_key", required=False) or None


def _parts(content_id: str | None, plain: Mapping[str, Any], base: Path) -> tuple[Part, ...]:
    if ("text" in plain) is ("parts" in plain):
        raise ItemLineError(content_id, "text", 'needs exactly one of "text" and "parts"')
    if "text" in plain:
        return (text_part("text", _string(content_id, plain, "text")),)
    parts = plain["parts"]
    if not isinstance(parts, list):
        raise ItemLineError(content_id, "parts", "must be a list")
    return tuple(_part(content_id, part, f"parts[{index}]", base) for index, part in enumerate(parts))


def _part(content_id: str | None, plain: Any, path: str, base: Path) -> Part:
    if not isinstance(plain, dict):
        raise ItemLineError(content_id, path, "must be an object")
    _refuse_unknown(content_id, plain, _PART_KEYS, f"{path}.")
    given = [name for name in _CONTENTS if name in plain]
    if len(given) != 1:
        raise ItemLineError(content_id, path, f"needs exactly one of {', '.join(_CONTENTS)}")
    part_id = _string(content_id, plain, "id", prefix=f"{path}.")
    match given[0]:
        case "text":
            return text_part(part_id, _string(content_id, plain, "text", prefix=f"{path}."))
        case "image_path":
            return image_part(part_id, _file(content_id, plain, "image_path", path, base))
        case "audio_path":
            return audio_part(part_id, _file(content_id, plain, "audio_path", path, base))
        case _:
            return transcript_part(part_id, _segments(content_id, plain["transcript"], f"{path}.transcript"))


def _segments(content_id: str | None, plain: Any, path: str) -> tuple[TranscriptSegment, ...]:
    if isinstance(plain, str):
        return (TranscriptSegment(0, 0, plain),)
    try:
        return tuple(TranscriptSegment(int(each["start_ms"]), int(each["end_ms"]), str(each["text"])) for each in plain)
    except (TypeError, KeyError, ValueError) as error:
        problem = "must be a string, or a list of {start_ms, end_ms, text}"
        raise ItemLineError(content_id, path, problem) from error


def _file(content_id: str | None, plain: Mapping[str, Any], key: str, path: str, base: Path) -> bytes:
    name = _string(content_id, plain, key, prefix=f"{path}.")
    try:
        return (base / name).read_bytes()
    except OSError as error:
        raise ItemLineError(content_id, f"{path}.{key}", f"can't be read: {error.strerror}") from error


def _surface(content_id: str | None, plain: Mapping[str, Any]) -> Surface:
    try:
        return Surface(str(plain.get("surface")))
    except ValueError as error:
        raise ItemLineError(content_id, "surface", f"must be one of {', '.join(Surface)}") from error


def _source(content_id: str | None, plain: Mapping[str, Any]) -> NoticeSource:
    try:
        return NoticeSource(plain.get("source") or NoticeSource.OWN_INITIATIVE)
    except ValueError as error:
        raise ItemLineError(content_id, "source", f"must be one of {', '.join(NoticeSource)}") from error


def _string(
    content_id: str | None, plain: Mapping[str, Any], key: str, *, prefix: str = "", required: bool = True
) -> str:
    value = plain.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise ItemLineError(
            content_id, f"{prefix}{key}", "is required and must be a string" if required else "must be a string"
        )
    return value


def _refuse_unknown(content_id: str | None, plain: Mapping[str, Any], allowed: frozenset[str], prefix: str) -> None:
    unknown = sorted(set(plain) - allowed)
    if unknown:
        raise ItemLineError(
            content_id, f"{prefix}{unknown[0]}", f"is not known; allowed are {', '.join(sorted(allowed))}"
        )
