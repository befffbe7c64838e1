"""The distribution that served values are compared with: each feature's bins, and how a training set fills them.

Kept as a file beside the feature repository. Routers read it when they start and count served values in its bins, so
that Prometheus can compare; `tidegate features drift` compares decision records with it. Pure Python: no Arrow here.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tidegate.data_quality.bins import Bins, CategoryBins, NumberBins
from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.models.evaluation.divergence import shares
from tidegate.moderation.signals import FeatureScalar

FORMAT: Final = 1
"""Version of the document."""
_WORDS = frozenset({"account_risk__reasons", "account_risk__model_version"})

COMPARED = tuple(name for name in ACCOUNT_FEATURES if name not in _WORDS)
"""Features whose distribution is compared: all but free words."""


class ReferenceUnusableError(Exception):
    """A file is no reference, or one of another release. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class FeatureReference:
    """One feature."""

    bins: Bins
    """How its values are told apart."""
    counts: tuple[int, ...]
    """Values of the reference in each bin."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Distributions by full name of the feature. Counts what is served as `telemetry.measures.ValueBins`."""

    source: str
    """What it was made from, for people."""
    features: Mapping[str, FeatureReference]
    """By full name."""
    digest: str = field(init=False)
    """Tells it from others: 8 hex digits of the SHA-256 of bins and counts."""

    def __post_init__(self) -> None:
        """Computes the digest."""
        text = json.dumps({name: _document(one) for name, one in self.features.items()}, sort_keys=True)
        object.__setattr__(self, "digest", hashlib.sha256(text.encode()).hexdigest()[:8])

    def labels(self, name: str) -> tuple[str, ...]:
        """Labels of the feature's bins; none if it is not in the reference."""
        held = self.features.get(name)
        return held.bins.labels if held else ()

    def index(self, name: str, value: FeatureScalar | None) -> int:
        """The bin of one of its features' values."""
        return self.features[name].bins.index(value)

    def shares(self) -> Iterator[tuple[str, str, float]]:
        """Name, label of the bin and share (with half a count added per bin), for every bin."""
        for name, one in self.features.items():
            for label, share in zip(one.bins.labels, shares(one.counts), strict=True):
                yield name, label, share

    def write(self, path: Path) -> None:
        """Writes it as JSON, whole or not at all. Raises OSError."""
        document = {
            "format": FORMAT,
            "source": self.source,
            "features": {name: _document(one) for name, one in self.features.items()},
        }
        draft = path.with_name(path.name + ".draft")
        draft.write_text(json.dumps(document, indent=1) + "\n")
        draft.replace(path)


def read_reference(path: Path) -> Reference:
    """Reads one that `write` has written. Features that this release does not have are left out.

    Raises:
        ReferenceUnusableError: It is none.
    """
    try:
        document = json.loads(path.read_text())
        if document["format"] != FORMAT:
            raise ReferenceUnusableError(f"{path} has format {document['format']}, not {FORMAT}: make it again")
        held = {name: _feature(one) for name, one in document["features"].items() if name in ACCOUNT_FEATURES}
        return Reference(str(document["source"]), held)
    except OSError as error:
        raise ReferenceUnusableError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReferenceUnusableError(f"{path} is no reference that `tidegate features reference` made") from error


def _document(one: FeatureReference) -> dict[str, Any]:
    if isinstance(one.bins, NumberBins):
        return {"edges": one.bins.edges, "counts": one.counts}
    assert isinstance(one.bins, CategoryBins)
    return {"categories": one.bins.categories, "counts": one.counts}


def _feature(document: Mapping[str, Any]) -> FeatureReference:
    bins: Bins
    if "edges" in document:
        bins = NumberBins(tuple(float(edge) for edge in document["edges"]))
    else:
        bins = CategoryBins(tuple(str(word) for word in document["categories"]))
    counts = tuple(int(count) for count in document["counts"])
    if len(counts) != len(bins.labels):
        raise ValueError("counts and bins differ in number")
    return FeatureReference(bins, counts)
