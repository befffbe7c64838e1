"""Numbers of a column, held to those of Feast's own profiles, which are computed by other code."""

import pyarrow as pa
from feast.monitoring.metrics_calculator import MetricsCalculator
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data_quality.stored import POSTS
from tidegate.data_quality.expectations import Expectations, ValueExpectations
from tidegate.data_quality.findings import Subject
from tidegate.data_quality.value_quality import ValueQuality

EXPECTED = Expectations(values={POSTS: ValueExpectations(range=(0, 9), null_share=0.5)})


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=8).map(lambda rows: [*rows, 1]),
        min_size=1,
        max_size=4,
    )
)
def test_null_share_and_range_over_parts_are_those_of_feast_over_the_whole(parts: list[list[int | None]]) -> None:
    quality = ValueQuality(Subject.ROWS, EXPECTED)
    for part in parts:
        quality.add(pa.table({POSTS: pa.array(part, pa.int64())}))
    found = {each.check: each for each in quality.findings()}
    whole = pa.array([value for part in parts for value in part], pa.int64())
    profile = MetricsCalculator().compute_numeric(whole)
    assert found["null share"].observed == (profile["null_rate"],)
    assert found["null share"].count == profile["row_count"]
    assert found["range"].observed == (profile["min_val"], profile["max_val"])
