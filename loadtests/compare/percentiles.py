"""Percentiles and spreads of what was measured."""

from collections.abc import Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of ascending values: one that was really seen. NaN of nothing."""
    if not ordered:
        return float("nan")
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def spread(values: Sequence[float]) -> float:
    """Largest less smallest, as a share of the middle one; 0 of fewer than two values."""
    ordered = sorted(values)
    middle = percentile(ordered, 0.5)
    if len(ordered) < 2 or not middle:  # noqa: PLR2004 - one value has no spread
        return 0.0
    return (ordered[-1] - ordered[0]) / middle
