"""The port to speech recognition, as the pipeline needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.item import TranscriptSegment
from tidegate.moderation.tracing import TraceContext


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One encoded audio clip to transcribe, as it travels to the speech stage."""

    data: bytes
    """The file as sent."""
    language: str
    """BCP 47 hint of the item; empty if unknown."""
    budget_ms: float
    """What is left at sending; the receiver opens its own `Budget` from it."""
    trace: TraceContext
    """The span to be the parent."""


@dataclass(frozen=True, slots=True)
class SpeechFindings:
    """What was said in one clip."""

    scores: DetectorScores
    """Of `audio_speech`: OK, NO_CONTENT without speech, PENDING when the budget is too small, or an outage."""
    segments: tuple[TranscriptSegment, ...] = ()
    """In time order, none blank; empty unless OK."""


class SpeechDetectors(Protocol):
    """Transcribes audio. Stands in the gather step; the segments go on to the text detectors."""

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        """One per request, in order.

        An outage is data. What can't be done within its budget answers PENDING, goes on in the background, and is
        found done by a later request for the same content. Never raises for one.
        """
        ...

    async def ready(self) -> bool:
        """True if the recogniser is loaded."""
        ...

    async def close(self) -> None:
        """Stops background work and releases memory."""
        ...
