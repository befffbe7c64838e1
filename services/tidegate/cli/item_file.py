"""Items as JSON: the lines of an item file, and the refusals that scripts read."""

from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from pydantic import ValidationError

from tidegate.cli.item_line import ItemLine, PartLine, Problem, content_id_of, problems_of
from tidegate.client import (
    ContentItem,
    ModerationError,
    NoticeSource,
    Part,
    TranscriptSegment,
    audio_part,
    image_part,
    text_part,
    transcript_part,
)
from tidegate.client.channel import MAX_MESSAGE_BYTES

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that got no decision."""

    content_id: str | None
    """The item's id, as far as it could be read."""
    code: str
    """gRPC status name."""
    message: str
    """What is wrong."""
    fields: tuple[Problem, ...] = ()
    """Wrong fields and what is allowed."""
    line: int | None = None
    """Its line, counting from 1, if it is wrong in the file already."""

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

    def __init__(self, number: int, content_id: str | None, *problems: Problem) -> None:
        told = "; ".join(f"{field}: {description}" if field else description for field, description in problems)
        super().__init__(f"line {number}: {told}")
        fields = tuple((field or "line", description) for field, description in problems)
        self.refusal = Refusal(content_id, "INVALID_ARGUMENT", str(self), fields, number)


class _Unreadable(Exception):
    """A file that a part names can't be sent."""


def item_of_line(line: bytes, *, number: int, base: Path) -> tuple[ContentItem, str | None]:
    """An item and its idempotency key from one line of JSON.

    Args:
        line: The JSON object in UTF-8.
        number: Counting from 1, for messages.
        base: What relative paths in it start from.

    Raises:
        ItemLineError: It is not an item; the refusal names every wrong field.
    """
    line = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
    try:
        plain = ItemLine.model_validate_json(line)
    except ValidationError as error:
        raise ItemLineError(number, content_id_of(line), *problems_of(error)) from error
    item = ContentItem(
        content_id=plain.content_id,
        account_id=plain.account_id,
        surface=plain.surface,
        market=plain.market,
        language=plain.language or "",
        source=plain.source or NoticeSource.OWN_INITIATIVE,
        parts=_parts(plain, number, base),
    )
    return item, plain.idempotency_key


def _parts(plain: ItemLine, number: int, base: Path) -> tuple[Part, ...]:
    if plain.text is not None:
        return (text_part("text", plain.text),)
    parts: list[Part] = []
    problems: list[Problem] = []
    for index, part in enumerate(plain.parts or ()):
        try:
            parts.append(_part(part, base))
        except _Unreadable as error:
            key = "audio_path" if part.image_path is None else "image_path"
            problems.append((f"parts[{index}].{key}", str(error)))
    if problems:
        raise ItemLineError(number, plain.content_id, *problems)
    return tuple(parts)


def _part(plain: PartLine, base: Path) -> Part:
    if plain.image_path is not None:
        return image_part(plain.id, _file(base, plain.image_path))
    if plain.audio_path is not None:
        return audio_part(plain.id, _file(base, plain.audio_path))
    if plain.transcript is not None:
        return transcript_part(plain.id, [TranscriptSegment(s.start_ms, s.end_ms, s.text) for s in plain.transcript])
    return text_part(plain.id, plain.text or "")


def _file(base: Path, name: str) -> bytes:
    """The file's bytes. Only of a regular file: a device or a pipe may never end."""
    try:
        facts = (base / name).stat()
        if not S_ISREG(facts.st_mode):
            raise _Unreadable("is not a file")
        if facts.st_size > MAX_MESSAGE_BYTES:
            raise _Unreadable(f"has {facts.st_size} bytes; at most {MAX_MESSAGE_BYTES} can be sent")
        return (base / name).read_bytes()
    except OSError as error:
        raise _Unreadable(f"can't be read: {error.strerror}") from error
    except ValueError as error:  # a null character
        raise _Unreadable("is not a path") from error
