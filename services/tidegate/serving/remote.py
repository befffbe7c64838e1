"""The stages' ports over Serve deployment handles: the distributed topology."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tidegate.detectors.port import TextRequest
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.moderation.signals import AccountSignals, LookupStatus

GRACE_MS = 50.0
"""Beyond the longest budget of a batch, so that the stage's own answer about a time-out wins if it can."""


class RemoteTextDetectors:
    """`TextDetectors` in another deployment."""

    def __init__(self, handle: Any, *, versions: Callable[[str], str]) -> None:
        """Wires the stage.

        Args:
            handle: Of the TextDetectors deployment.
            versions: The live version of a detector by name, for answers that never came.
        """
        self._handle = handle
        self._versions = versions

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """See `TextDetectors`. A stage that hangs gives its batch up, or its slot would be lost for good."""
        try:
            async with asyncio.timeout(_longest_s(batch)):
                answers: Sequence[tuple[DetectorScores, ...]] = await self._handle.score.remote(list(batch))
                return answers
        except TimeoutError:
            return [
                tuple(
                    DetectorScores(name, self._versions(name), DetectorStatus.TIMED_OUT) for name in request.detectors
                )
                for request in batch
            ]

    async def ready(self) -> bool:
        """See `TextDetectors`."""
        return bool(await self._handle.ready.remote())

    async def close(self) -> None:
        """Nothing to release: the handle belongs to Serve."""


class RemoteAccountFeatures:
    """`AccountFeatures` in another deployment."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def lookup(self, batch: Sequence[SignalsRequest]) -> Sequence[AccountSignals]:
        """See `AccountFeatures`. A stage that hangs gives its batch up, or its slot would be lost for good."""
        try:
            async with asyncio.timeout(_longest_s(batch)):
                answers: Sequence[AccountSignals] = await self._handle.lookup.remote(list(batch))
                return answers
        except TimeoutError:
            return [AccountSignals(status=LookupStatus.TIMED_OUT)] * len(batch)

    async def ready(self) -> bool:
        """See `AccountFeatures`."""
        return bool(await self._handle.ready.remote())

    async def close(self) -> None:
        """Nothing to release: the handle belongs to Serve."""


def _longest_s(batch: Sequence[TextRequest] | Sequence[SignalsRequest]) -> float:
    return (max(request.budget_ms for request in batch) + GRACE_MS) / 1000.0
