"""How far a distribution of scores has moved: population stability index and Jensen-Shannon divergence over bands.

Scores are calibrated probabilities and the bands are the severity scale's, which belongs to no detector version: so
the numbers compare across versions too. Pure.
"""

from dataclasses import dataclass
from typing import Final

from tidegate.models.evaluation import divergence
from tidegate.models.evaluation.divergence import Verdict
from tidegate.models.severity import HIGHEST_SEVERITY

__all__ = ["BANDS", "Drift", "Verdict"]

BANDS: Final = HIGHEST_SEVERITY + 1
_FEWEST: Final = 200
"""Scores on each side below which PSI is mostly noise: its expectation under no change is about 7 / 200 + 7 / 200."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One label's scores in two periods."""

    detector: str
    """Catalogue name."""
    label: str
    """The detector's label."""
    before: tuple[int, ...]
    """Scores in each severity band, 0 to 7, in the earlier period."""
    after: tuple[int, ...]
    """The same in the later one."""

    @property
    def psi(self) -> float:
        """See `divergence.psi`."""
        return divergence.psi(self.before, self.after)

    @property
    def jensen_shannon(self) -> float:
        """See `divergence.jensen_shannon`."""
        return divergence.jensen_shannon(self.before, self.after)

    @property
    def verdict(self) -> Verdict:
        """What to make of it."""
        if min(sum(self.before), sum(self.after)) < _FEWEST:
            return Verdict.TOO_FEW
        return divergence.verdict(self.psi)
