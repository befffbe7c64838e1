"""Bins of a feature's values: what distributions are compared in, and what the metric counts.

The last bin is for values that no policy may rely on: MISSING and STALE ones, and nulls of a training set.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final, Protocol

from tidegate.moderation.signals import FeatureScalar

UNKNOWN: Final = "unknown"
"""Label of the last bin."""
OTHER: Final = "other"
"""Label of the bin for categories that the reference did not have, or not often enough."""
ABOVE: Final = "+Inf"
"""Label of the bin above all edges."""


class Bins(Protocol):
    """How one feature's values are told apart."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One per bin; `UNKNOWN` is the last."""
        ...

    def index(self, value: FeatureScalar | None) -> int:
        """The bin of a value; None, and what is of another type, is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class NumberBins:
    """Numbers, by upper edges: a bin holds what is above the edge before it, up to its own."""

    edges: tuple[float, ...]
    """Ascending, each different in six digits."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The edges, in six digits."""
        return (*(f"{edge:.6g}" for edge in self.edges), ABOVE, UNKNOWN)

    def index(self, value: FeatureScalar | None) -> int:
        """See `Bins`."""
        if value is None or isinstance(value, str | bool):
            return len(self.edges) + 1
        return bisect_left(self.edges, value)


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """Words, and true and false as such."""

    categories: tuple[str, ...]
    """In order."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories."""
        return (*self.categories, OTHER, UNKNOWN)

    def index(self, value: FeatureScalar | None) -> int:
        """See `Bins`."""
        if value is None or not isinstance(value, str | bool):
            return len(self.categories) + 1
        word = value if isinstance(value, str) else str(value).lower()
        return self.categories.index(word) if word in self.categories else len(self.categories)
