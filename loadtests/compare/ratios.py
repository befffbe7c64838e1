"""Ratios of what took turns: within each repeat first, so that what else the machine did weighs on both sides."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from loadtests.compare.percentiles import spread


@dataclass(frozen=True, slots=True)
class Ratio:
    """One contender over another."""

    value: float
    """Median over the repeats."""
    spread: float
    """Largest less smallest, as a share of it."""
    repeats: int
    """How many there are."""


def ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Ratio | None:
    """The ratio of what was measured in the same repeat; None if there is no repeat with both."""
    both = [ours[repeat] / theirs[repeat] for repeat in ours if theirs.get(repeat)]
    if not both:
        return None
    return Ratio(round(statistics.median(both), 3), round(spread(both), 3), len(both))
