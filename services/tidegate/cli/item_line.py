"""The schema of one line of an item file, and what is wrong with a line, in words."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError, from_json

from tidegate.moderation.item import NoticeSource, Surface

_CONTENTS = ("text", "image_path", "audio_path", "transcript")
_WORDS = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
"""By pydantic's error type; an error that is not listed keeps pydantic's own words."""

Problem = tuple[str, str]
"""A field's path, and what is wrong with it."""


class _Strict(BaseModel):
    """Nothing is converted, unknown keys are refused. null is the same as leaving the key out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


def _as_segments(transcript: object) -> object:
    return [{"start_ms": 0, "end_ms": 0, "text": transcript}] if isinstance(transcript, str) else transcript


class SegmentLine(_Strict):
    """What is said in one stretch of audio."""

    start_ms: int = Field(ge=0, lt=2**64)
    """From the start of the audio."""
    end_ms: int = Field(ge=0, lt=2**64)
    """Not before the start."""
    text: str
    """The words."""


class PartLine(_Strict):
    """One part, with exactly one content."""

    id: str
    """Unique within the item."""
    text: str | None = None
    """Plain text."""
    image_path: str | None = None
    """A file, relative to the item file."""
    audio_path: str | None = None
    """A file, relative to the item file."""
    transcript: Annotated[list[SegmentLine] | None, BeforeValidator(_as_segments)] = None
    """A string, or segments with times."""

    @model_validator(mode="after")
    def _one_content(self) -> "PartLine":
        if sum(getattr(self, name) is not None for name in _CONTENTS) != 1:
            raise PydanticCustomError("one_content", "needs exactly one of {names}", {"names": ", ".join(_CONTENTS)})
        return self


class ItemLine(_Strict):
    """One item: one text, or parts."""

    content_id: str
    """The caller's id of the content."""
    account_id: str
    """The account that published it."""
    surface: Surface
    """Where it appears."""
    market: str
    """ISO 3166-1 alpha-2."""
    language: str | None = None
    """BCP 47, if known."""
    source: NoticeSource | None = None
    """What brought the item here; the platform's own initiative if left out."""
    idempotency_key: str | None = None
    """The same key with the same item gives the same decision."""
    text: str | None = None
    """Short for one part of this text, with the id `text`."""
    parts: list[PartLine] | None = None
    """Typed parts."""

    @model_validator(mode="after")
    def _text_or_parts(self) -> "ItemLine":
        if (self.text is None) is (self.parts is None):
            raise PydanticCustomError("text_or_parts", 'needs exactly one of "text" and "parts"')
        return self


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """Every problem of a line; a problem of the line as a whole has an empty path."""
    for detail in error.errors(include_url=False, include_input=False):
        yield _path(detail["loc"]), _words(detail)


def content_id_of(line: bytes) -> str | None:
    """The `content_id` of a line that is not an item, so that whoever sent it can tell which one it was."""
    try:
        plain = from_json(line, allow_partial=True)
    except ValueError:
        return None
    content_id = plain.get("content_id") if isinstance(plain, dict) else None
    return content_id if isinstance(content_id, str) else None


def _path(location: tuple[str | int, ...]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(steps).removeprefix(".")


def _words(detail: ErrorDetails) -> str:
    context: dict[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "json_invalid":
            return f"is not JSON: {context['error']}".replace(" at line 1 column ", " at column ")
        case "enum":
            return f"must be {context['expected']}"
        case "extra_forbidden":
            return f"is not known; allowed are {', '.join(_siblings(detail['loc']))}"
        case kind:
            return _WORDS.get(kind, detail["msg"])


def _siblings(location: tuple[str | int, ...]) -> list[str]:
    """The keys that are known where this one is not."""
    depth = sum(isinstance(step, int) for step in location)
    return list((ItemLine, PartLine, SegmentLine)[depth].model_fields)
