"""What the adapter fans out to: one detector's look at one decoded image."""

from dataclasses import dataclass
from typing import Protocol

from tidegate.detectors.images.decoding import DecodedImage
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector found in one image."""

    scores: DetectorScores
    """Its answer."""
    words: str | None = None
    """The text in the image, from a reader; else None."""


class ImageDetector(Protocol):
    """One detector."""

    @property
    def spec(self) -> DetectorSpec:
        """Its catalogue entry."""
        ...

    async def look(self, image: DecodedImage, budget: Budget) -> Finding:
        """Returns its finding.

        Raises:
            TimeoutError, InferenceTimeoutError: Nothing within the budget.
            Exception: An outage of the detector.
        """
        ...

    async def prepare(self) -> None:
        """Makes ready and checks what it needs. Raises InferenceError, ModelMismatchError or PackagedFileError."""
        ...
