"""What the gather step asks its stages, one item at a time. Batching and transport lie behind."""

from typing import Protocol

from tidegate.detectors.port import TextDetectors, TextRequest
from tidegate.enrichment.port import AccountFeatures, SignalsRequest
from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.signals import AccountSignals
from tidegate.pipeline.batching import GreedyBatcher


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


class BatchedTextStage:
    """Micro-batches texts in front of a detector port, local or in another deployment."""

    def __init__(self, detectors: TextDetectors, *, max_batch: int, in_flight: int) -> None:
        self._batcher: GreedyBatcher[TextRequest, tuple[DetectorScores, ...]] = GreedyBatcher(
            detectors.score, max_batch=max_batch, in_flight=in_flight
        )

    async def score(self, request: TextRequest) -> tuple[DetectorScores, ...]:
        """See `TextStage`."""
        return await self._batcher.submit(request)


class BatchedSignalsStage:
    """Micro-batches lookups in front of a features port, local or in another deployment."""

    def __init__(self, features: AccountFeatures, *, max_batch: int, in_flight: int) -> None:
        self._batcher: GreedyBatcher[SignalsRequest, AccountSignals] = GreedyBatcher(
            features.lookup, max_batch=max_batch, in_flight=in_flight
        )

    async def lookup(self, request: SignalsRequest) -> AccountSignals:
        """See `SignalsStage`."""
        return await self._batcher.submit(request)
