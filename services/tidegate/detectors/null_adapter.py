"""Text detectors where there is no model server: every text scores as harmless."""

from collections.abc import Sequence

from tidegate.detectors.port import TextRequest
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.detection import DetectorScores, DetectorStatus


class NullTextDetectors:
    """Answers zero for every label of every asked detector: for tests and measurements of overhead only."""

    def __init__(self, *, specs: Sequence[DetectorSpec]) -> None:
        self._harmless = {
            spec.name: DetectorScores(
                detector=spec.name,
                version=spec.version,
                status=DetectorStatus.OK,
                scores=dict.fromkeys(spec.labels, 0.0),
                severities=dict.fromkeys(spec.labels, 0),
            )
            for spec in specs
        }

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """See `TextDetectors`."""
        return [tuple(self._answer(name) for name in request.detectors) for request in batch]

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to close."""

    def _answer(self, name: str) -> DetectorScores:
        return self._harmless.get(name, DetectorScores(detector=name, version="", status=DetectorStatus.FAILED))
