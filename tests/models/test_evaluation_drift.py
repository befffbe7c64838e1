"""Drift: equal distributions have none, however many scores; moved ones do, and few scores prove nothing."""

import math

import pytest

from tidegate.models.evaluation.drift import Drift, Verdict


def drift(before: tuple[int, ...], after: tuple[int, ...]) -> Drift:
    return Drift("text_harm", "hate", before, after)


def test_equal_shares_are_stable() -> None:
    found = drift((800, 100, 50, 20, 10, 10, 5, 5), (8000, 1000, 500, 200, 100, 100, 50, 50))
    assert found.psi < 0.001
    assert found.jensen_shannon < 0.001
    assert found.verdict is Verdict.STABLE


def test_the_index_is_the_sum_over_bands() -> None:
    """One band against another, with the prior of half a score a band: 3 and 1 of 4 + 8 * 0.5."""
    found = drift((3, 1, 0, 0, 0, 0, 0, 0), (1, 3, 0, 0, 0, 0, 0, 0))
    high, low = 3.5 / 8, 1.5 / 8
    assert found.psi == pytest.approx(2 * (high - low) * math.log(high / low))


def test_disjoint_distributions_are_far_apart() -> None:
    found = drift((100_000, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 100_000))
    assert found.verdict is Verdict.LARGE
    assert found.jensen_shannon == pytest.approx(1.0, abs=0.01)


def test_neither_direction_nor_order_of_bands_matters_to_the_divergence() -> None:
    one, other = (500, 300, 100, 50, 30, 10, 5, 5), (300, 300, 200, 100, 50, 30, 10, 10)
    assert drift(one, other).jensen_shannon == pytest.approx(drift(other, one).jensen_shannon)
    assert drift(one, other).psi == pytest.approx(drift(other, one).psi)
    assert drift(one, other).verdict is Verdict.MODERATE


def test_few_scores_prove_nothing() -> None:
    assert drift((199, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 500)).verdict is Verdict.TOO_FEW
