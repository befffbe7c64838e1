"""Batches are grouped by length, so that padding is hardly computed."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidegate.detectors.bucketing import buckets
from tidegate.detectors.triton_adapter import _MAX_ROWS
from tidegate.models.serving_profile import PROFILES

LENGTHS = st.lists(st.integers(1, 128), min_size=1, max_size=200)


@given(LENGTHS, st.integers(1, 64))
def test_every_window_is_in_one_bucket_unchanged(lengths: list[int], max_rows: int) -> None:
    windows = [[number % 1000 + 1] * length for number, length in enumerate(lengths)]
    found: dict[int, list[int]] = {}
    for bucket in buckets(windows, max_rows=max_rows, call_costs_tokens=16):
        assert len(bucket.rows) <= max_rows
        for position, row in enumerate(bucket.rows):
            assert row not in found
            found[row] = bucket.ids[position][bucket.mask[position] == 1].tolist()
            assert bucket.ids[position][bucket.mask[position] == 0].sum() == 0
    assert [found[row] for row in range(len(windows))] == windows


@given(LENGTHS)
def test_padding_never_costs_more_than_the_call_it_saves(lengths: list[int]) -> None:
    for bucket in buckets([[1] * length for length in lengths], max_rows=64, call_costs_tokens=16):
        assert bucket.mask.size - int(bucket.mask.sum()) <= 16


def test_one_long_text_does_not_lengthen_the_short_ones() -> None:
    lengths = [128, *random.Random(1).choices(range(8, 11), k=31)]
    made = buckets([[1] * length for length in lengths], max_rows=64, call_costs_tokens=16)
    assert sum(bucket.ids.size for bucket in made) < 1.2 * sum(lengths)
    assert made[0].ids.dtype == np.int64


def test_calls_fit_every_profile() -> None:
    assert min(profile.max_batch_size for profile in PROFILES.values()) >= _MAX_ROWS
