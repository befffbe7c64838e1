"""What the gather step asks its stages, one item at a time. Batching and transport lie behind."""

from dataclasses import dataclass
from typing import Protocol

from tidegate.detectors.image_port import ImageDetectors, ImageFindings, ImageRequest
from tidegate.detectors.port import TextDetectors, TextRequest
from tidegate.detectors.speech_port import SpeechDetectors, SpeechFindings, SpeechRequest
from tidegate.enrichment.port import AccountFeatures, SignalsRequest
from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.signals import AccountSignals
from tidegate.pipeline.batching import GreedyBatcher
from tidegate.telemetry.pressure import StageMetrics


class TextStage(Protocol):
    """Scores one text."""

    async def score(self, request: TextRequest) -> tuple[DetectorScores, ...]:
        """One entry per asked detector. May raise on transport failure; the caller turns that into FAILED."""
        ...


class SignalsStage(Protocol):
    """Looks up one account."""

    async def lookup(self, request: SignalsRequest) -> AccountSignals:
        """The account's signals. May raise on transport failure; the caller turns that into FAILED."""
        ...


class ImageStage(Protocol):
    """Looks at one image."""

    async def inspect(self, request: ImageRequest) -> ImageFindings:
        """What was found in it. May raise on transport failure; the caller turns that into FAILED."""
        ...


class SpeechStage(Protocol):
    """Transcribes one clip."""

    async def transcribe(self, request: SpeechRequest) -> SpeechFindings:
        """What is said in it. May raise on transport failure; the caller turns that into FAILED."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """All that the gather step asks."""

    text: TextStage
    """Live versions of text detectors."""
    shadow_text: TextStage
    """Versions that are tried out: the same port in a queue of its own, so that the live ones do not wait for them."""
    images: ImageStage
    """Image detectors."""
    speech: SpeechStage
    """Transcription."""
    signals: SignalsStage
    """The account."""


class BatchedTextStage:
    """Micro-batches texts in front of a detector port, local or in another deployment."""

    def __init__(
        self, detectors: TextDetectors, *, max_batch: int, in_flight: int, metrics: StageMetrics | None = None
    ) -> None:
        self._batcher: GreedyBatcher[TextRequest, tuple[DetectorScores, ...]] = GreedyBatcher(
            detectors.score, max_batch=max_batch, in_flight=in_flight, metrics=metrics
        )

    async def score(self, request: TextRequest) -> tuple[DetectorScores, ...]:
        """See `TextStage`."""
        return await self._batcher.submit(request)


class BatchedSignalsStage:
    """Micro-batches lookups in front of a features port, local or in another deployment."""

    def __init__(
        self, features: AccountFeatures, *, max_batch: int, in_flight: int, metrics: StageMetrics | None = None
    ) -> None:
        self._batcher: GreedyBatcher[SignalsRequest, AccountSignals] = GreedyBatcher(
            features.lookup, max_batch=max_batch, in_flight=in_flight, metrics=metrics
        )

    async def lookup(self, request: SignalsRequest) -> AccountSignals:
        """See `SignalsStage`."""
        return await self._batcher.submit(request)


class BatchedImageStage:
    """Micro-batches images in front of a detector port, local or in another deployment."""

    def __init__(
        self, detectors: ImageDetectors, *, max_batch: int, in_flight: int, metrics: StageMetrics | None = None
    ) -> None:
        self._batcher: GreedyBatcher[ImageRequest, ImageFindings] = GreedyBatcher(
            detectors.inspect, max_batch=max_batch, in_flight=in_flight, metrics=metrics
        )

    async def inspect(self, request: ImageRequest) -> ImageFindings:
        """See `ImageStage`."""
        return await self._batcher.submit(request)


class BoundedSpeechStage:
    """Hands clips to a speech port one by one, a bounded number at a time: a long clip must not hold up a short one."""

    def __init__(self, detectors: SpeechDetectors, *, in_flight: int, metrics: StageMetrics | None = None) -> None:
        self._batcher: GreedyBatcher[SpeechRequest, SpeechFindings] = GreedyBatcher(
            detectors.transcribe, max_batch=1, in_flight=in_flight, metrics=metrics
        )

    async def transcribe(self, request: SpeechRequest) -> SpeechFindings:
        """See `SpeechStage`."""
        return await self._batcher.submit(request)
