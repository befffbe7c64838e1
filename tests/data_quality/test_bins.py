"""One by one, as a router counts, and column by column, as a command does: the same bins."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.data_quality.bins import CategoryBins, NumberBins
from tidegate.data_quality.counting import bins_for, count

_numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**52), 2**52).map(float)


@settings(deadline=None)
@given(reference=st.lists(st.none() | _numbers, max_size=30), served=st.lists(st.none() | _numbers, max_size=30))
def test_a_column_is_counted_as_its_values_are(reference: list[float | None], served: list[float | None]) -> None:
    bins = bins_for(pa.chunked_array([pa.array(reference, pa.float64())]))
    values = [*served, *reference, *(getattr(bins, "edges", ()))]
    counted = [0] * len(bins.labels)
    for value in values:
        counted[bins.index(value)] += 1
    assert count(pa.chunked_array([pa.array(values, pa.float64())]), bins) == tuple(counted)


@settings(deadline=None)
@given(st.lists(_numbers, min_size=1, max_size=40))
def test_labels_of_a_features_bins_differ(values: list[float]) -> None:
    labels = bins_for(pa.chunked_array([pa.array(values)])).labels
    assert len(set(labels)) == len(labels)


def test_deciles_of_evenly_spread_numbers_hold_a_tenth_each() -> None:
    column = pa.chunked_array([pa.array(range(1, 1001))])
    assert count(column, bins_for(column)) == (*[100] * 10, 0)


def test_a_feature_that_is_mostly_zero_gets_a_bin_for_it() -> None:
    column = pa.chunked_array([pa.array([0] * 85 + list(range(1, 16)))])
    bins = bins_for(column)
    assert bins == NumberBins((0.0, 5.0))
    assert count(column, bins) == (85, 5, 10, 0)


def test_any_value_is_news_where_the_reference_had_none() -> None:
    bins = bins_for(pa.chunked_array([pa.array([None, None], pa.int64())]))
    assert count(pa.chunked_array([pa.array([0, 3, None])]), bins) == (1, 1, 1)


def test_words_and_truth_have_a_bin_each_and_one_for_what_is_new() -> None:
    words = bins_for(pa.chunked_array([pa.array(["free", "premium", None])]))
    assert words.labels == ("free", "premium", "other", "unknown")
    assert count(pa.chunked_array([pa.array(["free", "family", None])]), words) == (1, 0, 1, 1)
    truth = bins_for(pa.chunked_array([pa.array([True, True])]))
    assert truth.labels == ("true", "other", "unknown")
    assert count(pa.chunked_array([pa.array([False, True, None])]), truth) == (1, 1, 1)


@pytest.mark.parametrize("value", ["word", True, None])
def test_what_is_no_number_is_unknown_among_numbers(value: str | bool | None) -> None:
    assert NumberBins((1.0, 2.0)).index(value) == 3


@pytest.mark.parametrize("value", [4, 0.5, None])
def test_what_is_no_word_is_unknown_among_words(value: float | None) -> None:
    assert CategoryBins(("a", "b")).index(value) == 3
