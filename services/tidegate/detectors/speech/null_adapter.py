"""Speech detectors where there is no recogniser: in every clip, nobody says anything."""

from collections.abc import Sequence

from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.detection import DetectorScores, DetectorStatus


class NullSpeech:
    """Answers NO_CONTENT for every clip: for tests and measurements of overhead only."""

    def __init__(self, spec: DetectorSpec) -> None:
        self._silent = SpeechFindings(DetectorScores(spec.name, spec.version, DetectorStatus.NO_CONTENT))

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        """See `SpeechDetectors`."""
        return [self._silent for _ in batch]

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to close."""
