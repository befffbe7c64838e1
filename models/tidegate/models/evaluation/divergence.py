"""How far apart two distributions over the same bins lie: population stability index, Jensen-Shannon divergence. Pure.

Arguments are counts by bin, of the earlier distribution (or the reference) and of the later one.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

_PRIOR: Final = 0.5
"""Added to each bin's count, so that an empty bin has a finite logarithm (Jeffreys' prior)."""
_MODERATE: Final = 0.1
_LARGE: Final = 0.25


class Verdict(StrEnum):
    """What the index is taken to mean. The bounds 0.1 and 0.25 are a convention of credit scoring (Siddiqi 2006)."""

    STABLE = "stable"
    MODERATE = "moderate"
    LARGE = "large"
    TOO_FEW = "too few"


def shares(counts: Sequence[int]) -> list[float]:
    """Share of each bin, with the prior."""
    total = sum(counts) + _PRIOR * len(counts)
    return [(count + _PRIOR) / total for count in counts]


def psi(before: Sequence[int], after: Sequence[int]) -> float:
    """The sum over bins of (after - before) * ln(after / before), shares with a prior; 0 is equal."""
    return sum((b - a) * math.log(b / a) for a, b in zip(shares(before), shares(after), strict=True))


def noise(before: Sequence[int], after: Sequence[int]) -> float:
    """About what `psi` is expected to be if nothing changed: (bins - 1)(1 / n + 1 / m) (Yurdakul 2018)."""
    return (len(before) - 1) * sum(1 / max(1, sum(side)) for side in (before, after))


def jensen_shannon(before: Sequence[int], after: Sequence[int]) -> float:
    """Divergence in bits, 0 (equal) to 1 (disjoint). Source: Lin 1991."""
    sides = shares(before), shares(after)
    mixed = [(a + b) / 2 for a, b in zip(*sides, strict=True)]
    return sum(sum(p * math.log2(p / m) for p, m in zip(side, mixed, strict=True)) / 2 for side in sides)


def verdict(index: float) -> Verdict:
    """What to make of a PSI."""
    return Verdict.LARGE if index >= _LARGE else Verdict.MODERATE if index >= _MODERATE else Verdict.STABLE
