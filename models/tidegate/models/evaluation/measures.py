"""What a score is worth, as numbers: order, precision at a recall, calibration. Pure, on arrays.

Plain numpy, so that the command that evaluates a detector needs nothing that serving does not; tests compare with
scikit-learn.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float64]
"""Calibrated, [texts, labels]."""

BINS: Final = 15
"""Of the calibration error."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Texts of neighbouring scores."""

    mean_score: float
    """What the detector says, on average."""
    share_positive: float
    """What is true of them."""
    texts: int
    """How many there are."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall at every different score, by falling score."""

    precision: Scores
    """Share of true ones among those at or above the score."""
    recall: Scores
    """Share of true ones that are at or above the score."""


def roc_auc(score: Scores, truth: Truth) -> float:
    """Returns the chance that a positive scores above a negative, ties counting half.

    Source: Hanley and McNeil 1982, by the rank sum of Mann and Whitney.
    """
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    positives = int(truth.sum())
    rank_sum = float(mean_rank[inverse][truth].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))


def curve(score: Scores, truth: Truth) -> Curve:
    """Returns precision over recall. There must be a positive."""
    order = np.argsort(-score, kind="stable")
    falling, hits = score[order], np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    return Curve(precision=hits[last] / (last + 1), recall=hits[last] / hits[-1])


def auprc(score: Scores, truth: Truth) -> float:
    """Returns average precision: the sum over scores of precision times the step in recall, without interpolation.

    Source: scikit-learn's definition. A detector that guesses reaches the share of positives.
    """
    found = curve(score, truth)
    return float(np.sum(np.diff(found.recall, prepend=0.0) * found.precision))


def precision_at_recall(score: Scores, truth: Truth, *, recall: float) -> float:
    """Returns the best precision at any threshold that finds at least this share of the positives."""
    found = curve(score, truth)
    return float(found.precision[found.recall >= recall - 1e-12].max())


def reliability(score: Scores, truth: Truth, *, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Returns bins of equally many texts, by rising score; fewer where there are fewer texts than bins."""
    order = np.argsort(score, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(ReliabilityBin(float(score[part].mean()), float(truth[part].mean()), len(part)) for part in parts)


def calibration_error(score: Scores, truth: Truth, *, bins: int = BINS) -> float:
    """Returns the expected calibration error: the sum over bins of n_bin / n * |mean score - share positive|.

    Source: Naeini et al. 2015, with bins of equal mass as in Nixon et al. 2019 (arXiv:1904.01685): bins of equal width
    would leave nearly all texts in the first. Sampling noise alone makes it larger than zero.
    """
    found = reliability(score, truth, bins=bins)
    return sum(one.texts * abs(one.mean_score - one.share_positive) for one in found) / len(score)
