"""Parts of an item by kind, and items as request messages."""

import uuid
from collections.abc import Sequence

import grpc
from google.protobuf.duration_pb2 import Duration

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client.channel import MAX_MESSAGE_BYTES
from tidegate.client.errors import ModerationError, WrongField
from tidegate.client.unencodable import wrong_fields
from tidegate.moderation.item import ContentItem, NoticeSource, Part, PartKind, Surface, TranscriptSegment

LONGEST_BUDGET_MS = 86_400_000.0
"""A day. Servers cut a budget to a maximum of their own."""


def text_part(id: str, text: str) -> Part:  # noqa: A002 - the field's name
    """Plain text."""
    return Part(id=id, kind=PartKind.TEXT, text=text)


def image_part(id: str, data: bytes) -> Part:  # noqa: A002 - the field's name
    """An encoded image: JPEG, PNG, WebP or GIF."""
    return Part(id=id, kind=PartKind.IMAGE, data=data)


def audio_part(id: str, data: bytes) -> Part:  # noqa: A002 - the field's name
    """Encoded audio: FLAC, WAV, Ogg or MP3."""
    return Part(id=id, kind=PartKind.AUDIO, data=data)


def transcript_part(id: str, segments: Sequence[TranscriptSegment]) -> Part:  # noqa: A002 - the field's name
    """Audio that the caller has transcribed."""
    return Part(id=id, kind=PartKind.TRANSCRIPT, segments=tuple(segments))


def new_key() -> str:
    """An idempotency key that nobody used before."""
    return uuid.uuid4().hex


def budget_of(budget_ms: float | None) -> Duration | None:
    """A budget as it travels; None for the server's default.

    Raises:
        ModerationError: It is not a length of time. No server is asked: the call's deadline is made from it as well.
    """
    if budget_ms is None:
        return None
    if not 0.0 < budget_ms <= LONGEST_BUDGET_MS:
        raise ModerationError.invalid(
            WrongField("budget", f"must be above zero and at most {LONGEST_BUDGET_MS:.0f} ms")
        )
    budget = Duration()
    budget.FromNanoseconds(max(1, round(budget_ms * 1e6)))
    return budget


def request_of(
    item: ContentItem, *, idempotency_key: str, budget: Duration | None, explain: bool
) -> pb.ModerateRequest:
    """The request message.

    Raises:
        ModerationError: The item can't be put into a message: INVALID_ARGUMENT with the fields, or RESOURCE_EXHAUSTED.
    """
    try:
        message = pb.ModerateRequest(item=_item(item), idempotency_key=idempotency_key, budget=budget, explain=explain)
    except (TypeError, ValueError) as error:
        raise ModerationError.invalid(*wrong_fields(item)) from error
    size_bytes = message.ByteSize()
    if size_bytes > MAX_MESSAGE_BYTES:  # gRPC would end the whole stream for it
        problem = f"is {size_bytes} bytes; at most {MAX_MESSAGE_BYTES} can be sent"
        raise ModerationError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"request: {problem}",
            reason="MESSAGE_TOO_LARGE",
            fields=(WrongField("request", problem),),
        )
    return message


def _item(item: ContentItem) -> content_pb2.ContentItem:
    return content_pb2.ContentItem(
        content_id=item.content_id,
        account_id=item.account_id,
        surface=content_pb2.Surface.Value(f"SURFACE_{Surface(item.surface).name}"),
        market=item.market,
        language=item.language,
        source=content_pb2.NoticeSource.Value(f"NOTICE_SOURCE_{NoticeSource(item.source).name}"),
        parts=[_part(part) for part in item.parts],
    )


def _part(part: Part) -> content_pb2.ContentPart:
    match part.kind:
        case PartKind.TEXT:
            return content_pb2.ContentPart(id=part.id, text=content_pb2.TextPart(text=part.text))
        case PartKind.IMAGE:
            return content_pb2.ContentPart(id=part.id, image=content_pb2.ImagePart(data=part.data))
        case PartKind.AUDIO:
            return content_pb2.ContentPart(id=part.id, audio=content_pb2.AudioPart(data=part.data))
        case PartKind.TRANSCRIPT:
            segments = [
                content_pb2.TranscriptSegment(start_ms=each.start_ms, end_ms=each.end_ms, text=each.text)
                for each in part.segments
            ]
            return content_pb2.ContentPart(id=part.id, transcript=content_pb2.TranscriptPart(segments=segments))
