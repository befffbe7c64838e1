"""The port to text detectors, as the pipeline needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.tracing import TraceContext


@dataclass(frozen=True, slots=True)
class TextRequest:
    """One text to score, as it travels to the detector stage."""

    text: str
    """Not blank."""
    detectors: tuple[str, ...]
    """Catalogue names of the detectors to run, live versions."""
    budget_ms: float
    """What is left at sending; the receiver opens its own `Budget` from it."""
    trace: TraceContext
    """The span to be the parent."""
    language: str = ""
    """BCP 47 hint of the item; empty if unknown. It counts where the text itself does not tell."""
    shadows: tuple[tuple[str, str], ...] = ()
    """Name and version of detectors that are tried out; their answers follow those of `detectors`, in this order."""
    explain: bool = False
    """Asks for attributions of detectors that can give them; see `attribution` for what they cost."""


class TextDetectors(Protocol):
    """Scores texts in batches. Stands in the gather step, beside the feature lookup."""

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """One tuple per request, in order, with one entry per asked detector, shadows last.

        An outage is data: a detector that fails or times out answers with that status. Never raises for one.
        """
        ...

    async def ready(self) -> bool:
        """True if every live detector answers."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...
