import math

from hypothesis import given
from hypothesis import strategies as st

from loadtests.compare.percentiles import percentile, spread

LATENCIES = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.51) == 3.0
    assert percentile([*map(float, range(1, 101))], 0.99) == 99.0


@given(values=LATENCIES, share=st.floats(0.01, 1.0))
def test_at_least_that_share_of_the_values_is_not_above_it(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(each <= found for each in ordered) >= share * len(ordered) - 1e-9
    assert sum(each < found for each in ordered) < max(1, share * len(ordered) + 1e-9)


def test_of_nothing_there_is_none() -> None:
    assert math.isnan(percentile([], 0.5))


def test_a_spread_is_a_share_of_the_middle() -> None:
    assert spread([10.0, 8.0, 12.0]) == 0.4
    assert spread([10.0]) == 0.0
    assert spread([]) == 0.0
