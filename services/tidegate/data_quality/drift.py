"""Whether served values are distributed like those of a reference: PSI and Jensen-Shannon by feature."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from tidegate.data_quality.counting import count
from tidegate.data_quality.reference import Reference
from tidegate.models.evaluation import divergence
from tidegate.models.evaluation.divergence import Verdict

MOST_NOISE: Final = 0.05
"""A PSI is judged only if no change would give about this much at most: half of the lowest bound."""
_MOST_BINS: Final = 11
"""Of a number: what lies between its deciles, and `unknown`."""
FEWEST_ROWS: Final = math.ceil(2 * (_MOST_BINS - 1) / MOST_NOISE)
"""Rows of a reference, 400: with as many served values a number is judged, as the noise where nothing has changed,
(bins - 1)(1 / n + 1 / m), is `MOST_NOISE` then (Yurdakul 2018; `divergence.noise`). With 200 or fewer none ever is."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature, in the reference and as served."""

    feature: str
    """Full name."""
    labels: tuple[str, ...]
    """Of the bins; the last is of values that are not known."""
    before: tuple[int, ...]
    """Values of the reference in each bin."""
    after: tuple[int, ...]
    """Served values in each bin."""

    @property
    def psi(self) -> float:
        """See `divergence.psi`."""
        return divergence.psi(self.before, self.after)

    @property
    def jensen_shannon(self) -> float:
        """See `divergence.jensen_shannon`, in bits."""
        return divergence.jensen_shannon(self.before, self.after)

    @property
    def verdict(self) -> Verdict:
        """What to make of it."""
        if divergence.noise(self.before, self.after) > MOST_NOISE:
            return Verdict.TOO_FEW
        return divergence.verdict(self.psi)

    @property
    def fewest_served(self) -> int | None:
        """Served values from which on it is judged; None if the reference has too few rows for any number of them."""
        room = MOST_NOISE / (len(self.labels) - 1) - 1 / max(1, sum(self.before))
        return math.ceil(1 / room) if room > 0 else None


def drifts(reference: Reference, served: Mapping[str, pa.ChunkedArray]) -> Sequence[FeatureDrift]:
    """Every feature of the reference that was served, the furthest moved first; what can't be judged comes last.

    Args:
        reference: What to compare with.
        served: As `ServedValues.columns` gives them.
    """
    found = [
        FeatureDrift(name, one.bins.labels, one.counts, count(served[name], one.bins))
        for name, one in reference.features.items()
        if name in served
    ]
    return sorted(found, key=lambda one: (one.verdict is Verdict.TOO_FEW, -one.psi, one.feature))
