"""What the receiver keeps of metrics and how it shows them: bounded, the latest, in names that Prometheus takes."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.telemetry.observed import Receiver
from tests.telemetry.shown_metrics import shown, value
from tests.telemetry.test_receiver_process import JSON, PROTOBUF, call, post
from tidegate.telemetry.receiver.exposition import exposition
from tidegate.telemetry.receiver.otlp_metrics import parse_metrics_protobuf
from tidegate.telemetry.receiver.series import (
    Buckets,
    Labels,
    Point,
    SeriesBoard,
    SeriesKind,
    SeriesLimits,
    label_name,
    prometheus_name,
)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def point(
    name: str = "m",
    labels: Labels = (),
    *,
    amount: float = 1.0,
    time_ns: int = 1,
    kind: SeriesKind = SeriesKind.GAUGE,
) -> Point:
    return Point(name, kind, "what it is", labels, amount, time_ns)


def held(board: SeriesBoard) -> dict[str, float | object]:
    return {family.name: family.points[0].value for family in board.families()}


def request(*metrics: Metric) -> bytes:
    scoped = ScopeMetrics(metrics=metrics)
    return ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(scope_metrics=[scoped])]).SerializeToString()


CUMULATIVE, DELTA = 2, 1


def total(name: str, *, temporality: int = CUMULATIVE, amount: int = 7) -> Metric:
    made = Metric(name=name)
    made.sum.is_monotonic = True
    made.sum.aggregation_temporality = temporality  # type: ignore[assignment]  # the enum's numbers
    made.sum.data_points.add(as_int=amount, time_unix_nano=1)
    return made


def test_the_latest_value_of_a_series_counts_even_if_an_older_one_arrives_after_it() -> None:
    board = SeriesBoard()
    board.take([point(amount=2.0, time_ns=20)])
    board.take([point(amount=1.0, time_ns=10)])
    assert held(board)["m"] == 2.0


def test_series_beyond_the_limit_are_rejected_and_counted_and_known_ones_go_on() -> None:
    board = SeriesBoard(limits=SeriesLimits(max_series=2))
    assert board.take([point(labels=(("n", str(number)),)) for number in range(5)]) == 3
    assert board.take([point(labels=(("n", "0"),), amount=9.0, time_ns=2)]) == 0
    shown_now = held(board)
    assert (shown_now["m"], shown_now["tidegate_receiver_series"]) == (9.0, 2)
    assert shown_now["tidegate_receiver_rejected_points"] == 3


def test_what_nobody_sends_any_more_is_gone_after_a_minute() -> None:
    clock = Clock()
    board = SeriesBoard(clock=clock)
    board.take([point("stays"), point("goes")])
    clock.now_s = 40
    board.take([point("stays", time_ns=2)])
    clock.now_s = 61
    assert {"stays", "goes"} & set(held(board)) == {"stays"}


def test_a_name_that_is_in_use_for_another_kind_is_rejected() -> None:
    board = SeriesBoard()
    assert board.take([point(kind=SeriesKind.GAUGE), point(labels=(("a", "b"),), kind=SeriesKind.COUNTER)]) == 1


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("tidegate.moderation.duration", "s", SeriesKind.HISTOGRAM, "tidegate_moderation_duration_seconds"),
        ("http.requests_total", "", SeriesKind.COUNTER, "http_requests"),
        ("a.size_bytes", "By", SeriesKind.GAUGE, "a_size_bytes"),
        ("9 lives!", "{life}", SeriesKind.GAUGE, "_9_lives_"),
    ],
)
def test_names_become_what_prometheus_takes(name: str, unit: str, kind: SeriesKind, expected: str) -> None:
    assert prometheus_name(name, unit, kind) == expected
    assert label_name("a.b-c") == "a_b_c"


def test_label_values_survive_quotes_backslashes_and_line_ends() -> None:
    odd = 'a "b" \\ c\nd }'
    board = SeriesBoard()
    board.take([point(labels=(("odd", odd),))])
    families = text_string_to_metric_families(exposition(board.families())[0].decode())
    assert [sample.labels for family in families for sample in family.samples if sample.name == "m"] == [{"odd": odd}]


def test_only_whole_cumulative_points_are_taken() -> None:
    histogram = Metric(name="h")
    histogram.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]  # the enum's numbers
    histogram.histogram.data_points.add(explicit_bounds=[1.0, 2.0], bucket_counts=[1, 1], count=2)
    histogram.histogram.data_points.add(explicit_bounds=[2.0, 1.0], bucket_counts=[1, 1, 0], count=2)
    histogram.histogram.data_points.add(explicit_bounds=[1.0], bucket_counts=[1, 1], count=2, sum=3.0)
    payload = parse_metrics_protobuf(request(total("good"), total("delta", temporality=DELTA), histogram))
    assert [made.name for made in payload.points] == ["good", "h"]
    assert payload.rejected == 3


def test_the_least_and_the_most_of_a_histogram_are_gauges_beside_it_where_they_are_told() -> None:
    histogram = Metric(name="h", unit="s")
    histogram.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]  # the enum's numbers
    told = histogram.histogram.data_points.add(explicit_bounds=[1.0], bucket_counts=[1, 1], count=2, sum=3.0)
    told.min, told.max = 0.5, 2.5
    quiet = histogram.histogram.data_points.add(explicit_bounds=[1.0], bucket_counts=[0, 1], count=1, sum=2.0)
    quiet.attributes.add(key="which").value.string_value = "quiet"
    board = SeriesBoard()
    board.take(parse_metrics_protobuf(request(histogram)).points)
    found = {family.name: family for family in text_string_to_metric_families(exposition(board.families())[0].decode())}
    assert found["h_seconds"].type == "histogram"
    for name, value_told in (("h_seconds_min", 0.5), ("h_seconds_max", 2.5)):
        assert found[name].type == "gauge"
        assert [sample.value for sample in found[name].samples] == [value_told]


def test_a_metric_that_has_the_name_of_such_a_gauge_keeps_it() -> None:
    buckets = Buckets((1.0,), (1, 0), 0.5, 0.5, 0.5)
    board = SeriesBoard()
    board.take([Point("h", SeriesKind.HISTOGRAM, "", (), buckets, 1), point("h_max", amount=9.0)])
    text = exposition(board.families())[0].decode()
    assert text.count("\nh_max ") == 1
    assert "\nh_max 9.0\n" in text


@pytest.mark.integration
def test_both_servers_take_metrics_and_say_what_they_reject(receiver: Receiver) -> None:
    delta = request(total("a.delta", temporality=DELTA))
    for answer in (
        call(receiver, "metrics.v1.MetricsService", delta),
        post(receiver, delta, PROTOBUF, path="/v1/metrics")[1],
    ):
        assert ExportMetricsServiceResponse.FromString(answer).partial_success.rejected_data_points == 1
    assert post(receiver, request(total("by.http")), PROTOBUF, path="/v1/metrics") == (200, b"")
    in_json = (
        b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"by.json","sum":{"isMonotonic":true,'
        b'"aggregationTemporality":2,"dataPoints":[{"asInt":"5","timeUnixNano":"1"}]}}]}]}]}'
    )
    assert post(receiver, in_json, JSON, path="/v1/metrics") == (200, b"{}")
    found = shown(receiver.http)
    assert value(found, "by_http_total") == 7
    assert value(found, "by_json_total") == 5
    assert value(found, "tidegate_receiver_rejected_points_total") == 2
    assert post(receiver, b"\xff\xff", PROTOBUF, path="/v1/metrics")[0] == 400
    assert post(receiver, b"{", JSON, path="/v1/metrics")[0] == 400
    assert post(receiver, b"x", "text/plain", path="/v1/metrics")[0] == 415
