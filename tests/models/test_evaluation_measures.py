"""The measures are the ones that scikit-learn computes, and those that it lacks are what their formulas say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from tidegate.models.evaluation import measures

JUDGED = st.integers(4, 60).flatmap(
    lambda n: st.tuples(
        arrays.arrays(np.float64, n, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])),
        arrays.arrays(np.bool_, n).filter(lambda truth: 0 < truth.sum() < len(truth)),
    )
)


@given(JUDGED)
@settings(max_examples=100, deadline=None)
def test_order_is_measured_as_scikit_learn_does_ties_included(judged: tuple[measures.Scores, measures.Truth]) -> None:
    score, truth = judged
    assert measures.roc_auc(score, truth) == pytest.approx(roc_auc_score(truth, score))
    assert measures.auprc(score, truth) == pytest.approx(average_precision_score(truth, score))
    precision, recall, _ = precision_recall_curve(truth, score)
    for wanted in (0.5, 0.8):
        best = precision[recall >= wanted - 1e-12].max()
        assert measures.precision_at_recall(score, truth, recall=wanted) == pytest.approx(best)


def test_bins_hold_equally_many_texts_by_rising_score() -> None:
    score = np.linspace(0, 1, 30)
    found = measures.reliability(score, score > 0.5, bins=15)
    assert [one.texts for one in found] == [2] * 15
    assert [one.mean_score for one in found] == sorted(one.mean_score for one in found)
    assert [one.share_positive for one in found] == [0.0] * 7 + [0.5] + [1.0] * 7


def test_a_detector_that_says_what_is_true_has_no_calibration_error() -> None:
    truth = np.array([True] * 30 + [False] * 70)
    assert measures.calibration_error(np.full(100, 0.3), truth, bins=1) == pytest.approx(0.0)


def test_the_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    score = np.array([0.2] * 50 + [0.9] * 50)
    truth = np.array([False] * 50 + [True] * 30 + [False] * 20)
    assert measures.calibration_error(score, truth, bins=2) == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)


def test_fewer_texts_than_bins_leave_no_empty_bin() -> None:
    found = measures.reliability(np.array([0.1, 0.9]), np.array([False, True]))
    assert [one.texts for one in found] == [1, 1]
