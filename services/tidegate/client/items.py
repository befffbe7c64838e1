"""Parts of an item by kind, and items as request messages."""

import uuid
from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.item import ContentItem, Part, PartKind, TranscriptSegment


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


def request_of(
    item: ContentItem, *, idempotency_key: str | None, budget_ms: float | None, explain: bool
) -> pb.ModerateRequest:
    """The request message. Without a key it gets one of its own, so that a retry can't decide twice."""
    request = pb.ModerateRequest(item=_item(item), idempotency_key=idempotency_key or uuid.uuid4().hex, explain=explain)
    if budget_ms is not None:
        budget = Duration()
        budget.FromNanoseconds(round(budget_ms * 1e6))
        request.budget.CopyFrom(budget)
    return request


def _item(item: ContentItem) -> content_pb2.ContentItem:
    return content_pb2.ContentItem(
        content_id=item.content_id,
        account_id=item.account_id,
        surface=content_pb2.Surface.Value(f"SURFACE_{item.surface.name}"),
        market=item.market,
        language=item.language,
        source=content_pb2.NoticeSource.Value(f"NOTICE_SOURCE_{item.source.name}"),
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
