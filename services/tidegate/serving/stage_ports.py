"""The stages behind a router, each a port: in its process, or in deployments of their own."""

from dataclasses import dataclass, field

from tidegate.detectors.image_port import ImageDetectors
from tidegate.detectors.port import TextDetectors
from tidegate.detectors.speech_port import SpeechDetectors
from tidegate.enrichment.port import AccountFeatures
from tidegate.features.stream.intake import SignalIntake
from tidegate.features.stream.null_intake import NoSignalIntake


@dataclass(frozen=True, slots=True)
class StagePorts:
    """All that a router asks."""

    features: AccountFeatures
    """Account signals."""
    text: TextDetectors
    """Text detectors."""
    images: ImageDetectors
    """Image detectors."""
    speech: SpeechDetectors
    """Transcription."""
    signals: SignalIntake = field(default_factory=NoSignalIntake)
    """Events of accounts. No decision waits for it."""

    async def close(self) -> None:
        """Releases connections and stops background work."""
        await self.features.close()
        await self.text.close()
        await self.images.close()
        await self.speech.close()
        await self.signals.close()
