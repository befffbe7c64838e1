"""Requests to domain: checks everything that can be checked before work begins, and names every wrong field at once."""

import itertools
import re
from collections.abc import Iterator

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.errors import FieldViolation, InvalidRequest, Reason
from tidegate.moderation.item import ContentItem, NoticeSource, Part, PartKind, Surface, TranscriptSegment
from tidegate.serving.media import audio_problem, image_problem
from tidegate.serving.settings import BudgetSettings, LimitSettings
from tidegate.serving.wire import Sized, Undecodable

MAX_PARTS = 16
MAX_CONTENT_ID = 256
MAX_ACCOUNT_ID = 128
MAX_PART_ID = 64
MAX_KEY = 128

MAX_SEGMENTS = 2_000
MOST_PROBLEMS = 16
"""Wrong fields told of in one answer: status details travel in HTTP/2 trailers, which clients limit to about 8 KiB."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_SURFACES = {f"SURFACE_{surface.name}": surface for surface in Surface}
_SOURCES = {f"NOTICE_SOURCE_{source.name}": source for source in NoticeSource}
_KINDS = {kind.value: kind for kind in PartKind}


class RequestDecoder:
    """Turns wire messages into domain values."""

    def __init__(
        self, *, limits: LimitSettings, budget: BudgetSettings, max_request_bytes: int, markets: frozenset[str]
    ) -> None:
        """Wires the limits.

        Args:
            limits: What one request may hold.
            budget: Default and maximum budgets.
            max_request_bytes: Largest request.
            markets: Valid market codes, ISO 3166-1 alpha-2.
        """
        self._limits = limits
        self._budget = budget
        self._max_request_bytes = max_request_bytes
        self._markets = markets

    def opened(self, request: Sized | Undecodable) -> Sized:
        """The request, if it is one of a size we take.

        Raises:
            InvalidRequest: It is too large, or not a valid message.
        """
        if request.size_bytes > self._max_request_bytes:
            wrong = FieldViolation(
                "request", f"is {request.size_bytes} bytes; at most {self._max_request_bytes} are taken"
            )
            raise InvalidRequest([wrong], reason=Reason.MESSAGE_TOO_LARGE)
        if isinstance(request, Undecodable):
            problem = "is not a valid message; every string must be UTF-8"
            raise InvalidRequest([FieldViolation("request", problem)])
        return request

    def item(self, request: pb.ModerateRequest) -> ContentItem:
        """The item to decide on. Images are decoded to check them: call this off the event loop if there are any.

        Raises:
            InvalidRequest: Naming every wrong field.
        """
        problems = list(itertools.islice(self._problems(request), MOST_PROBLEMS))
        if problems:
            raise InvalidRequest(problems)
        item = request.item
        return ContentItem(
            content_id=item.content_id,
            account_id=item.account_id,
            surface=_SURFACES[content_pb2.Surface.Name(item.surface)],
            market=item.market,
            language=item.language,
            source=_source(item.source) or NoticeSource.OWN_INITIATIVE,
            parts=tuple(_part(part) for part in item.parts),
        )

    def budget_ms(self, request: pb.ModerateRequest) -> float:
        """The request's budget in milliseconds, within the server's maximum."""
        if not request.HasField("budget"):
            return self._budget.default_ms
        asked_ms = request.budget.seconds * 1000.0 + request.budget.nanos / 1e6
        return min(asked_ms, self._budget.max_ms)

    def _problems(self, request: pb.ModerateRequest) -> Iterator[FieldViolation]:
        item = request.item
        yield from _length("item.content_id", item.content_id, MAX_CONTENT_ID)
        yield from _length("item.account_id", item.account_id, MAX_ACCOUNT_ID)
        if item.surface not in content_pb2.Surface.values() or item.surface == content_pb2.SURFACE_UNSPECIFIED:
            yield FieldViolation("item.surface", f"must be one of {', '.join(_SURFACES)}")
        if item.market not in self._markets:
            yield FieldViolation("item.market", 'must be an ISO 3166-1 alpha-2 code in upper case, for example "SE"')
        if item.language and not _LANGUAGE.fullmatch(item.language):
            yield FieldViolation("item.language", 'must be empty or a BCP 47 tag, for example "pt-BR"')
        if _source(item.source) is None:
            yield FieldViolation("item.source", f"must be one of {', '.join(_SOURCES)}, or unspecified")
        if len(request.idempotency_key) > MAX_KEY:
            yield FieldViolation("idempotency_key", f"must have at most {MAX_KEY} characters")
        if request.HasField("budget") and request.budget.seconds * 1_000_000_000 + request.budget.nanos <= 0:
            yield FieldViolation("budget", "must be above zero")
        yield from self._part_problems(item)

    def _part_problems(self, item: content_pb2.ContentItem) -> Iterator[FieldViolation]:
        if not 1 <= len(item.parts) <= MAX_PARTS:
            yield FieldViolation("item.parts", f"must have 1 to {MAX_PARTS} parts, has {len(item.parts)}")
            return
        seen: set[str] = set()
        for index, part in enumerate(item.parts):
            path = f"item.parts[{index}]"
            yield from _length(f"{path}.id", part.id, MAX_PART_ID)
            if part.id in seen:
                yield FieldViolation(f"{path}.id", "must differ from the ids of the other parts")
            seen.add(part.id)
            yield from self._content_problems(path, part)

    def _content_problems(self, path: str, part: content_pb2.ContentPart) -> Iterator[FieldViolation]:
        match part.WhichOneof("content"):
            case "text":
                yield from self._text_problems(f"{path}.text.text", part.text.text)
            case "image":
                problem = image_problem(
                    part.image.data,
                    max_bytes=self._limits.max_image_bytes,
                    max_pixels=self._limits.max_image_pixels,
                )
                if problem:
                    yield FieldViolation(f"{path}.image.data", problem)
            case "audio":
                problem = audio_problem(part.audio.data, max_bytes=self._limits.max_audio_bytes)
                if problem:
                    yield FieldViolation(f"{path}.audio.data", problem)
            case "transcript":
                yield from self._transcript_problems(f"{path}.transcript.segments", part.transcript)
            case _:
                yield FieldViolation(path, "must have exactly one of text, image, audio or transcript")

    def _text_problems(self, path: str, text: str) -> Iterator[FieldViolation]:
        if not text.strip():
            yield FieldViolation(path, "must not be blank")
        elif len(text) > self._limits.max_text_characters:
            yield FieldViolation(
                path, f"must have at most {self._limits.max_text_characters} characters, has {len(text)}"
            )

    def _transcript_problems(self, path: str, transcript: content_pb2.TranscriptPart) -> Iterator[FieldViolation]:
        if not transcript.segments:
            yield FieldViolation(path, "must have at least one segment")
        if len(transcript.segments) > MAX_SEGMENTS:
            yield FieldViolation(path, f"must have at most {MAX_SEGMENTS} segments, has {len(transcript.segments)}")
            return
        for index, segment in enumerate(transcript.segments):
            if not segment.text.strip():
                yield FieldViolation(f"{path}[{index}].text", "must not be blank")
            if segment.end_ms < segment.start_ms:
                yield FieldViolation(f"{path}[{index}].end_ms", "must not be before start_ms")
        total = sum(len(segment.text) for segment in transcript.segments)
        if total > self._limits.max_text_characters:
            yield FieldViolation(
                path, f"must have at most {self._limits.max_text_characters} characters together, have {total}"
            )


def has_images(request: pb.ModerateRequest) -> bool:
    """Whether checking the request decodes images, which takes long enough to leave the event loop for."""
    return any(part.HasField("image") for part in request.item.parts)


def _length(path: str, value: str, limit: int) -> Iterator[FieldViolation]:
    if not 1 <= len(value) <= limit:
        yield FieldViolation(path, f"must have 1 to {limit} characters, has {len(value)}")


def _source(value: int) -> NoticeSource | None:
    if value == content_pb2.NOTICE_SOURCE_UNSPECIFIED:
        return NoticeSource.OWN_INITIATIVE
    if value not in content_pb2.NoticeSource.values():
        return None
    return _SOURCES[content_pb2.NoticeSource.Name(content_pb2.NoticeSource.ValueType(value))]


def _part(part: content_pb2.ContentPart) -> Part:
    return Part(
        id=part.id,
        kind=_KINDS[str(part.WhichOneof("content"))],
        text=part.text.text,
        data=part.image.data or part.audio.data,
        segments=tuple(
            TranscriptSegment(segment.start_ms, segment.end_ms, segment.text) for segment in part.transcript.segments
        ),
    )
