"""The port to image detectors, as the pipeline needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.tracing import TraceContext


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One encoded image to look at, as it travels to the image stage."""

    data: bytes
    """The file as sent."""
    detectors: tuple[str, ...]
    """Catalogue names of the detectors to run. A reader (`image_text`) among them asks for the words as well."""
    budget_ms: float
    """What is left at sending; the receiver opens its own `Budget` from it."""
    trace: TraceContext
    """The span to be the parent."""


@dataclass(frozen=True, slots=True)
class ImageFindings:
    """What was found in one image."""

    scores: tuple[DetectorScores, ...]
    """For each asked detector, in the order asked: its answer, and beside an answer that covers only some of the image
    an outage for the rest."""
    words: str | None = None
    """The text in the image, a line per line; empty if there is none; None if it was not read, or could not be."""


class ImageDetectors(Protocol):
    """Looks at images in batches. Stands in the gather step; the words found go on to the text detectors."""

    async def inspect(self, batch: Sequence[ImageRequest]) -> Sequence[ImageFindings]:
        """One per request, in order.

        An outage is data, and so is an image that can't be decoded. Never raises for one.
        """
        ...

    async def ready(self) -> bool:
        """True if every live detector answers."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...
