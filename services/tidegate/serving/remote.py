"""The stages' ports over Serve deployment handles: the distributed topology."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
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
                    DetectorScores(name, version, DetectorStatus.TIMED_OUT)
                    for name, version in (
                        *((name, self._versions(name)) for name in request.detectors),
                        *request.shadows,
                    )
                )
                for request in batch
            ]

    async def ready(self) -> bool:
        """See `TextDetectors`."""
        return bool(await self._handle.ready.remote())

    async def close(self) -> None:
        """Nothing to release: the handle belongs to Serve."""


class RemoteImageDetectors:
    """`ImageDetectors` in another deployment."""

    def __init__(self, handle: Any, *, versions: Callable[[str], str]) -> None:
        """Wires the stage; see `RemoteTextDetectors`."""
        self._handle = handle
        self._versions = versions

    async def inspect(self, batch: Sequence[ImageRequest]) -> Sequence[ImageFindings]:
        """See `ImageDetectors`. A stage that hangs gives its batch up, or its slot would be lost for good."""
        try:
            async with asyncio.timeout(_longest_s(batch)):
                answers: Sequence[ImageFindings] = await self._handle.inspect.remote(list(batch))
                return answers
        except TimeoutError:
            return [
                ImageFindings(
                    tuple(
                        DetectorScores(name, self._versions(name), DetectorStatus.TIMED_OUT)
                        for name in request.detectors
                    )
                )
                for request in batch
            ]

    async def ready(self) -> bool:
        """See `ImageDetectors`."""
        return bool(await self._handle.ready.remote())

    async def close(self) -> None:
        """Nothing to release: the handle belongs to Serve."""


class RemoteSpeechDetectors:
    """`SpeechDetectors` in another deployment."""

    def __init__(self, handle: Any, *, reader: str, version: str) -> None:
        """Wires the stage.

        Args:
            handle: Of the SpeechDetectors deployment.
            reader: The live detector that transcribes, for answers that never came.
            version: Its live version.
        """
        self._handle = handle
        self._late = SpeechFindings(DetectorScores(reader, version, DetectorStatus.TIMED_OUT))

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        """See `SpeechDetectors`. A stage that hangs gives its batch up, or its slot would be lost for good."""
        try:
            async with asyncio.timeout(_longest_s(batch)):
                answers: Sequence[SpeechFindings] = await self._handle.transcribe.remote(list(batch))
                return answers
        except TimeoutError:
            return [self._late] * len(batch)

    async def ready(self) -> bool:
        """See `SpeechDetectors`."""
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


class _Budgeted(Protocol):
    @property
    def budget_ms(self) -> float: ...


def _longest_s(batch: Sequence[_Budgeted]) -> float:
    return (max(request.budget_ms for request in batch) + GRACE_MS) / 1000.0
