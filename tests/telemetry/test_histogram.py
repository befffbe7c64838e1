"""Histograms: every measurement is in one bucket, buckets remember traces that can be looked up, series are bounded."""

from hypothesis import given
from hypothesis.strategies import floats, lists
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.histogram import Histogram, Scale
from tidegate.telemetry.names import MetricLabel, MetricName

SECONDS = Scale("s", (0.1, 1.0))
TRACED = TraceContext("ab" * 16, "cd" * 8, sampled=True)


def made(**options: int) -> Histogram:
    return Histogram(
        MetricName.HOP_DURATION, "Time by hop", scale=SECONDS, labels=(MetricLabel.HOP,), clock_ns=lambda: 7, **options
    )


def points(histogram: Histogram) -> list[HistogramDataPoint]:
    metric = histogram.metric()
    assert metric is not None
    found = list(metric.data.data_points)
    assert all(isinstance(point, HistogramDataPoint) for point in found)
    return found  # type: ignore[return-value]  # just checked


@given(lists(floats(min_value=0, max_value=5), min_size=1))
def test_every_measurement_is_in_the_first_bucket_that_holds_it(values: list[float]) -> None:
    histogram = made()
    for value in values:
        histogram.record(value, "text")
    (point,) = points(histogram)
    upper = [sum(value <= edge for value in values) for edge in SECONDS.edges]
    assert list(point.bucket_counts) == [upper[0], upper[1] - upper[0], len(values) - upper[1]]
    assert (point.count, point.min, point.max) == (len(values), min(values), max(values))


def test_a_bucket_remembers_the_latest_trace_that_is_recorded() -> None:
    histogram = made()
    histogram.record(0.5, "text", trace=TRACED)
    histogram.record(0.6, "text", trace=TraceContext("12" * 16, "34" * 8, sampled=False))
    histogram.record(0.01, "text")
    (point,) = points(histogram)
    (exemplar,) = point.exemplars
    assert (exemplar.value, exemplar.trace_id, exemplar.time_unix_nano) == (0.5, int(TRACED.trace_id, 16), 7)


def test_series_beyond_the_limit_are_counted_together_and_said_to_be() -> None:
    histogram = made(max_series=2)
    for hop in ("a", "b", "c", "d"):
        histogram.record(0.5, hop)
    histogram.record(0.5, "a")
    assert {str(point.attributes): point.count for point in points(histogram)} == {
        str({MetricLabel.HOP: "a"}): 2,
        str({MetricLabel.HOP: "b"}): 1,
        str({"otel.metric.overflow": True}): 2,
    }


def test_nothing_is_sent_of_what_was_never_recorded() -> None:
    assert made().metric() is None
