"""Decay weights are powers of two, to the last bits, and their rate is what a steady stream has."""

import math
from decimal import Decimal

import numpy as np

from tidegate.features.transforms.decay import decayed_rate, weights
from tidegate.features.transforms.instants import DAY_US, HOUR_US
from tidegate.features.transforms.seen import Seen


def test_weights_are_powers_of_two_to_two_units_in_the_last_place() -> None:
    ages = np.concatenate(
        (np.random.default_rng(4).integers(0, 366 * DAY_US, 1000), np.arange(9), DAY_US - np.arange(9))
    )
    exact = [2 ** (Decimal(-age) / DAY_US) for age in ages.tolist()]
    off = [abs(Decimal(weight) / right - 1) for weight, right in zip(weights(ages).tolist(), exact, strict=True)]
    assert max(off) < Decimal(2) ** -51


def test_whole_half_lives_are_exact_and_weights_never_rise_with_age() -> None:
    assert weights(np.arange(0, 366) * DAY_US).tolist() == [2.0**-days for days in range(366)]
    ages = np.sort(np.random.default_rng(5).integers(0, 3 * DAY_US, 20_000))
    assert (np.diff(weights(ages)) <= 0.0).all()


def test_a_steady_stream_settles_at_its_rate() -> None:
    ages = np.arange(364 * 24 * 4, dtype=np.int64)[::-1] * (HOUR_US // 4) + HOUR_US // 8
    nothing = np.zeros_like(ages)
    rate = decayed_rate(Seen(np.zeros(1, dtype=np.int64), nothing, nothing, nothing, ages))
    assert math.isclose(rate[0], 4.0, rel_tol=1e-4)
