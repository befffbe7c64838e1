"""How far a distribution of scores has moved: population stability index and Jensen-Shannon divergence over bands.

Scores are calibrated probabilities and the bands are the severity scale's, which belongs to no detector version: so
the numbers compare across versions too. Pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.models.severity import HIGHEST_SEVERITY

BANDS: Final = HIGHEST_SEVERITY + 1
_PRIOR: Final = 0.5
"""Added to each band's count, so that an empty band has a finite logarithm (Jeffreys' prior)."""
_MODERATE: Final = 0.1
_LARGE: Final = 0.25
_FEWEST: Final = 200
"""Scores on each side below which PSI is mostly noise: its expectation under no change is about 7 / 200 + 7 / 200."""


class Verdict(StrEnum):
    """What the index is taken to mean. The bounds 0.1 and 0.25 are a convention of credit scoring (Siddiqi 2006)."""

    STABLE = "stable"
    MODERATE = "moderate"
    LARGE = "large"
    TOO_FEW = "too few"


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
        """The sum over bands of (after - before) * ln(after / before), shares with a prior; 0 is equal."""
        return sum((b - a) * math.log(b / a) for a, b in zip(*self._shares(), strict=True))

    @property
    def jensen_shannon(self) -> float:
        """Divergence in bits, 0 (equal) to 1 (disjoint). Source: Lin 1991."""
        mixed = [(a + b) / 2 for a, b in zip(*self._shares(), strict=True)]
        return sum(sum(p * math.log2(p / m) for p, m in zip(side, mixed, strict=True)) / 2 for side in self._shares())

    @property
    def verdict(self) -> Verdict:
        """What to make of it."""
        if min(sum(self.before), sum(self.after)) < _FEWEST:
            return Verdict.TOO_FEW
        return Verdict.LARGE if self.psi >= _LARGE else Verdict.MODERATE if self.psi >= _MODERATE else Verdict.STABLE

    def _shares(self) -> tuple[Sequence[float], Sequence[float]]:
        return _shares(self.before), _shares(self.after)


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + _PRIOR * len(counts)
    return [(count + _PRIOR) / total for count in counts]
