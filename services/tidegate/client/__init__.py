"""The Python client that other teams import: `from tidegate.client import TidegateClient, text_part`."""

from tidegate.client.aio import AsyncTidegateClient
from tidegate.client.blocking import TidegateClient
from tidegate.client.decisions import Decision
from tidegate.client.errors import ModerationError, WrongField
from tidegate.client.items import audio_part, image_part, text_part, transcript_part
from tidegate.client.retry import RetryPolicy
from tidegate.client.streaming import StreamResult
from tidegate.moderation.decision import Action, Completeness
from tidegate.moderation.item import ContentItem, NoticeSource, Part, Surface, TranscriptSegment

__all__ = [
    "Action",
    "AsyncTidegateClient",
    "Completeness",
    "ContentItem",
    "Decision",
    "ModerationError",
    "NoticeSource",
    "Part",
    "RetryPolicy",
    "StreamResult",
    "Surface",
    "TidegateClient",
    "TranscriptSegment",
    "WrongField",
    "audio_part",
    "image_part",
    "text_part",
    "transcript_part",
]
