"""Quality per label on held-out texts: over all sources, by source, by length."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidegate.models.evaluation.held_out import ANY_HARM, HARMS, NEVER_TRAINED_ON, OUR_OWN, any_harm
from tidegate.models.evaluation.measures import (
    Probabilities,
    ReliabilityBin,
    Scores,
    Truth,
    auprc,
    calibration_error,
    curve,
    precision_at_recall,
    reliability,
    roc_auc,
)
from tidegate.models.severity import SEVERITY_EDGES
from tidegate.models.training.examples import LABELS, Example

FIRES_AT: Final = SEVERITY_EDGES[3]
"""Severity 4: the label is likelier than not, with a margin."""
FEWEST: Final = 10
"""Positives and negatives below which a slice says too little to be shown."""
POOLED: Final = "all sources"
UNSEEN: Final = "sources never trained on"
LENGTHS: Final = {"1-4 words": (1, 4), "5-16 words": (5, 16), "17-64 words": (17, 64), "65+ words": (65, 10**9)}
"""Slices by words as split at blanks."""

_POINTS: Final = 60
"""Of a curve that is kept for plots, at even steps of recall."""


@dataclass(frozen=True, slots=True)
class SliceQuality:
    """How well one label does on one slice of texts. None where the slice lacks positives or negatives to say it."""

    label: str
    """A label, or `any_harm`."""
    slice: str
    """All sources, one source, or a length."""
    positives: int
    """Texts judged to have it."""
    negatives: int
    """Texts judged not to have it."""
    auprc: float | None
    """Average precision; guessing reaches positives / texts."""
    roc_auc: float | None
    """Chance that a positive scores above a negative."""
    precision_at_recall_50: float | None
    """Best precision where half of the positives are found."""
    precision_at_recall_80: float | None
    """Best precision where four in five positives are found."""
    ece: float | None
    """Expected calibration error, 15 bins of equal mass."""
    recall_at_4: float | None
    """Share of positives at severity 4 or above."""
    precision_at_4: float | None
    """Share of positives among those at severity 4 or above; None if none is."""
    false_alarms_at_4: float | None
    """Share of negatives at severity 4 or above."""


@dataclass(frozen=True, slots=True)
class LabelCurves:
    """What plots need of one label over all sources."""

    label: str
    """A label, or `any_harm`."""
    recall: tuple[float, ...]
    """Rising, thinned."""
    precision: tuple[float, ...]
    """At each recall."""
    reliability: tuple[ReliabilityBin, ...]
    """By rising score."""


class JudgedTexts:
    """Held-out examples with their scores, sliced."""

    def __init__(self, examples: Sequence[Example], probabilities: Probabilities) -> None:
        """Takes both in the same order; probabilities are calibrated, [texts, labels]."""
        self._sources = np.array([one.source for one in examples])
        self._words = np.array([len(one.text.split()) for one in examples])
        self._columns: dict[str, tuple[Scores, Scores]] = {}
        for column, label in enumerate(LABELS):
            target = np.array([one.targets[column] for one in examples])
            self._columns[label] = (probabilities[:, column], target)
        harms = probabilities[:, [LABELS.index(label) for label in HARMS]].max(axis=1)
        self._columns[ANY_HARM] = (harms, np.array([any_harm(one) for one in examples]))

    def quality(self) -> list[SliceQuality]:
        """Returns each label on every slice with enough texts; the pooled slices are always there."""
        slices = dict(self._slices())
        found = [self._measure(label, name, rows) for label in self._columns for name, rows in slices.items()]
        return [one for one in found if one.slice in {POOLED, UNSEEN} or max(one.positives, one.negatives) >= FEWEST]

    def curves(self) -> list[LabelCurves]:
        """Returns the curves of each label over all sources."""
        found = []
        for label in self._columns:
            score, truth = self._judged(label, self._pooled())
            if truth.sum() < FEWEST:
                continue
            line = curve(score, truth)
            keep = np.unique(np.searchsorted(line.recall, np.linspace(0.0, 1.0, _POINTS)).clip(0, len(line.recall) - 1))
            found.append(
                LabelCurves(
                    label,
                    tuple(np.round(line.recall[keep], 4).tolist()),
                    tuple(np.round(line.precision[keep], 4).tolist()),
                    reliability(score, truth),
                )
            )
        return found

    def _pooled(self) -> Truth:
        return ~np.isin(self._sources, list(OUR_OWN))

    def _slices(self) -> Iterator[tuple[str, Truth]]:
        yield POOLED, self._pooled()
        yield UNSEEN, np.isin(self._sources, list(NEVER_TRAINED_ON))
        for name in sorted(set(self._sources.tolist())):
            yield name, self._sources == name
        for name, (low, high) in LENGTHS.items():
            yield name, self._pooled() & (self._words >= low) & (self._words <= high)

    def _judged(self, label: str, rows: Truth) -> tuple[Scores, Truth]:
        score, target = self._columns[label]
        kept = rows & (target >= 0)
        return score[kept], target[kept] == 1

    def _measure(self, label: str, name: str, rows: Truth) -> SliceQuality:
        score, truth = self._judged(label, rows)
        positives, negatives = int(truth.sum()), int((~truth).sum())
        both = positives >= FEWEST and negatives >= FEWEST
        fired = score >= FIRES_AT
        return SliceQuality(
            label=label,
            slice=name,
            positives=positives,
            negatives=negatives,
            auprc=_rounded(auprc, score, truth) if both else None,
            roc_auc=_rounded(roc_auc, score, truth) if both else None,
            precision_at_recall_50=round(precision_at_recall(score, truth, recall=0.5), 4) if both else None,
            precision_at_recall_80=round(precision_at_recall(score, truth, recall=0.8), 4) if both else None,
            ece=_rounded(calibration_error, score, truth) if positives + negatives >= FEWEST else None,
            recall_at_4=round(float(fired[truth].mean()), 4) if positives >= FEWEST else None,
            precision_at_4=round(float(truth[fired].mean()), 4) if both and fired.any() else None,
            false_alarms_at_4=round(float(fired[~truth].mean()), 4) if negatives >= FEWEST else None,
        )


def by_label(found: Sequence[SliceQuality], name: str) -> Mapping[str, SliceQuality]:
    """Returns one slice's quality by label."""
    return {one.label: one for one in found if one.slice == name}


def _rounded(measure: Callable[[Scores, Truth], float], score: Scores, truth: Truth) -> float:
    return round(measure(score, truth), 4)
