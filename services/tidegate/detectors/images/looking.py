"""What the adapter fans out to: one detector's look at one decoded image."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from tidegate.detectors.images.decoding import DecodedImage
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores, DetectorStatus


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector found in one image."""

    scores: DetectorScores
    """Its answer."""
    words: str | None = None
    """The text in the image, from a reader; else None."""
    unseen: DetectorStatus | None = None
    """Why some of the image is not in its answer; None if all of it is."""

    def besides(self, unseen: DetectorStatus) -> "Finding":
        """The same where some of the image never reached the detector."""
        return replace(self, unseen=self.unseen or unseen)

    def answers(self) -> Iterator[DetectorScores]:
        """Its answer, and beside it an outage for what it does not cover: what was found stays, the rest is unknown."""
        yield self.scores
        if self.unseen is not None and self.scores.status in (DetectorStatus.OK, DetectorStatus.NO_CONTENT):
            yield DetectorScores(self.scores.detector, self.scores.version, self.unseen)


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
