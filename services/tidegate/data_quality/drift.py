"""Whether served values are distributed like those of a reference: PSI and Jensen-Shannon by feature."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from tidegate.data_quality.counting import count
from tidegate.data_quality.reference import Reference
from tidegate.models.evaluation import divergence
from tidegate.models.evaluation.divergence import Verdict

MOST_NOISE: Final = 0.05
"""A PSI is judged only if no change would give about this much at most: half of the lowest bound."""


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


def drifts(reference: Reference, served: pa.Table) -> Sequence[FeatureDrift]:
    """Every feature of the reference, the furthest moved first; those that can't be judged come last.

    Args:
        reference: What to compare with.
        served: In `served_values.SERVED_SCHEMA`.
    """
    found = [
        FeatureDrift(name, one.bins.labels, one.counts, count(served[name], one.bins))
        for name, one in reference.features.items()
    ]
    return sorted(found, key=lambda one: (one.verdict is Verdict.TOO_FEW, -one.psi, one.feature))
