"""The Python client that other teams import: `from tidegate.client import TidegateClient, text_part`."""

from tidegate.client.aio import AsyncTidegateClient
from tidegate.client.blocking import TidegateClient
from tidegate.client.decisions import Decision
from tidegate.client.errors import ModerationError, WrongField
from tidegate.client.events import RecordedEvents, RefusedEvent
from tidegate.client.items import audio_part, image_part, text_part, transcript_part
from tidegate.client.retry import RetryPolicy
from tidegate.client.streaming import StreamResult
from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts
from tidegate.moderation.decision import Action, Completeness
from tidegate.moderation.item import ContentItem, NoticeSource, Part, Surface, TranscriptSegment

__all__ = [
    "AccountEvent",
    "Action",
    "AsyncTidegateClient",
    "Completeness",
    "ContentItem",
    "Decision",
    "EventKind",
    "ModerationError",
    "NoticeSource",
    "Part",
    "ProfileFacts",
    "RecordedEvents",
    "RefusedEvent",
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
