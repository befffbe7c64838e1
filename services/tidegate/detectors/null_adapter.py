"""Detectors where there is no model server: every text and every image scores as harmless.

For tests and measurements of overhead only. A detector that they were not given is FAILED, never harmless.
"""

from collections.abc import Sequence

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.detection import DetectorScores, DetectorStatus


class NullTextDetectors:
    """Answers zero for every label of every asked detector."""

    def __init__(self, *, specs: Sequence[DetectorSpec]) -> None:
        self._harmless = {(spec.name, spec.version): _harmless(spec) for spec in specs}
        self._live = {spec.name: spec.version for spec in reversed(specs)}

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """See `TextDetectors`."""
        return [
            tuple(
                self._answer(name, version)
                for name, version in (
                    *((name, self._live.get(name, "")) for name in request.detectors),
                    *request.shadows,
                )
            )
            for request in batch
        ]

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def _answer(self, name: str, version: str) -> DetectorScores:
        return self._harmless.get((name, version), _unknown(name))


class NullImageDetectors:
    """Answers zero for every label of every asked detector, and reads no words."""

    def __init__(self, *, specs: Sequence[DetectorSpec] = ()) -> None:
        self._harmless = {spec.name: _harmless(spec) for spec in specs}

    async def inspect(self, batch: Sequence[ImageRequest]) -> Sequence[ImageFindings]:
        """See `ImageDetectors`."""
        return [
            ImageFindings(
                scores=tuple(self._harmless.get(name, _unknown(name)) for name in request.detectors),
                words="" if any(name in self._harmless for name in request.detectors) else None,
            )
            for request in batch
        ]

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to close."""


class NoSpeechDetectors:
    """Where no detector of audio is in use: who asks all the same gets FAILED."""

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        """See `SpeechDetectors`."""
        return [SpeechFindings(_unknown("audio_speech")) for _ in batch]

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to close."""


def _harmless(spec: DetectorSpec) -> DetectorScores:
    return DetectorScores(
        detector=spec.name,
        version=spec.version,
        status=DetectorStatus.OK,
        scores=dict.fromkeys(spec.labels, 0.0),
        severities=dict.fromkeys(spec.labels, 0),
    )


def _unknown(name: str) -> DetectorScores:
    return DetectorScores(detector=name, version="", status=DetectorStatus.FAILED)
