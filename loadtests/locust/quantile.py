"""Quantiles of what was measured, never between two values that were."""

import math
from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed (nearest rank); nan if there is none.

    Args:
        ordered: From small to large.
        share: 0.99 for p99.
    """
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
