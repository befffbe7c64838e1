"""`tidegate metrics` on what a real receiver shows."""

import json
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis.strategies import booleans, floats, lists
from prometheus_client import Metric

from tests.telemetry.conftest import receiver, start_receiver
from tests.telemetry.decided import decision, harm
from tests.telemetry.observed import Receiver
from tidegate.cli.main import main
from tidegate.cli.metric_rows import Row, rows, shown
from tidegate.telemetry.metrics import configure_metrics, meter_of
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import OtelModerationMetrics

__all__ = ["receiver", "start_receiver"]  # fixtures


def run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--state-dir", str(tmp_path), "metrics", *arguments])


@pytest.mark.integration
def test_counts_are_summed_over_processes_and_drawn_by_metric(receiver: Receiver, tmp_path: Path) -> None:
    for service in (ServiceName.ROUTER, ServiceName.TEXT):  # two processes, told apart by their names
        provider = configure_metrics(service_name=service, endpoint=f"http://{receiver.grpc}")
        metrics = OtelModerationMetrics(meter_of(provider))
        metrics.decided(decision(runs=(harm(5),)), duration_s=0.03, repeated=False)
        provider.shutdown()
    address = f"http://{receiver.http}/metrics"
    told = json.loads(run(tmp_path, "--address", address, "--json").stdout)
    by_name = {one["name"]: one["series"] for one in told["metrics"]}
    assert by_name["tidegate_moderation_decisions"] == [
        {"labels": {"action": "ALLOW", "completeness": "COMPLETE", "surface": "comment"}, "value": 2.0}
    ]
    (duration,) = by_name["tidegate_moderation_duration_seconds"]
    assert (duration["count"], round(duration["sum"], 6)) == (2.0, 0.06)
    assert [duration[name] for name in ("min", "p50", "p99", "max")] == [0.03] * 4
    assert not [name for name in by_name if name.endswith(("_min", "_max"))]  # they are in the histogram's own
    drawn = run(tmp_path, "--address", address)
    assert drawn.exit_code == 0
    assert "tidegate_detector_severities" in drawn.stdout


EXPOSED = """
# HELP tidegate_empty A gauge without series.
# TYPE tidegate_empty gauge
# HELP tidegate_idle Under way.
# TYPE tidegate_idle gauge
tidegate_idle{stage="text",job="a"} 0
# HELP tidegate_share Of something.
# TYPE tidegate_share gauge
tidegate_share 0.25
# HELP tidegate_lost_total Never yet.
# TYPE tidegate_lost_total counter
tidegate_lost_total 0
# HELP tidegate_bands_total Of scores.
# TYPE tidegate_bands_total counter
tidegate_bands_total{band="7",job="a"} 0
tidegate_bands_total{band="1",job="a"} 12
# HELP tidegate_mixed Some have a label that others lack.
# TYPE tidegate_mixed gauge
tidegate_mixed{kind="x"} 1
tidegate_mixed{kind=""} 2
# HELP tidegate_wait_seconds Two processes, none of which tells the least or the most.
# TYPE tidegate_wait_seconds histogram
tidegate_wait_seconds_bucket{le="1.0"} 2
tidegate_wait_seconds_bucket{le="+Inf"} 2
tidegate_wait_seconds_sum 1.0
tidegate_wait_seconds_count 2
# HELP tidegate_unused_seconds Nothing was measured.
# TYPE tidegate_unused_seconds histogram
tidegate_unused_seconds_bucket{le="+Inf"} 0
tidegate_unused_seconds_sum 0
tidegate_unused_seconds_count 0
"""


@contextmanager
def exposing(text: str) -> Iterator[str]:
    """An address that shows this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join(30)


def test_where_nothing_is_it_says_none_and_where_nothing_is_under_way_0(tmp_path: Path) -> None:
    with exposing(EXPOSED) as address:
        drawn = run(tmp_path, "--address", address)
    assert drawn.exit_code == 0, drawn.output
    told = {
        block.split()[0]: [line.split() for line in block.strip().splitlines()[1:]]
        for block in drawn.stdout.strip().split("\n\n")
    }
    assert told == {
        "tidegate_empty": [["none"]],
        "tidegate_idle": [["stage"], ["text", "0"]],
        "tidegate_share": [["0.25"]],
        "tidegate_lost": [["0"]],
        "tidegate_bands": [["band"], ["1", "12"]],
        "tidegate_mixed": [["kind"], ["none", "2"], ["x", "1"]],
        "tidegate_wait_seconds": [
            ["count", "mean", "min", "p50", "p99", "max"],
            ["2", "0.5", "none", "0.5", "0.99", "none"],
        ],
        "tidegate_unused_seconds": [["none"]],
    }


def test_without_a_stack_or_an_address_that_answers_it_says_so(tmp_path: Path) -> None:
    for arguments, told in (
        ([], "no stack is running here"),
        (["--address", "http://127.0.0.1:9/metrics"], "can't be read"),
        (["--address", "file:///etc/hosts"], "must start with http"),
    ):
        result = run(tmp_path, *arguments)
        assert result.exit_code != 0
        assert told in result.output
        assert "Traceback" not in result.output


def test_quantiles_are_interpolated_within_a_bucket() -> None:
    family = Metric("h", "", "histogram")
    for edge, count in (("1.0", 5), ("2.0", 10), ("+Inf", 10)):
        family.add_sample("h_bucket", {"le": edge}, count)
    family.add_sample("h_count", {}, 10)
    family.add_sample("h_sum", {}, 11)
    (row,) = rows(family).values()
    assert (row.quantile(0.5), row.quantile(0.75), row.total) == (1.0, 1.5, 11)


def histogram(values: Sequence[float], edges: Sequence[float], *, told: bool) -> Row:
    """A row of these measurements; with the least and the most if they are told."""
    buckets = {edge: float(sum(value <= edge for value in values)) for edge in (*edges, math.inf)}
    ends = (min(values), max(values)) if told else (None, None)
    return Row(float(len(values)), sum(values), buckets, *ends)


def test_three_measurements_in_a_wide_bucket_have_no_quantile_above_their_sum() -> None:
    row = histogram([0.011, 0.012, 0.06], [0.01, 0.5], told=False)
    assert row.quantile(0.99) == pytest.approx(0.083 - 2 * 0.01)  # the two others are above 0.01
    assert row.quantile(0.5) == pytest.approx((0.083 - 0.01) / 2)
    told = histogram([0.011, 0.012, 0.06], [0.01, 0.5], told=True)
    assert (told.quantile(0.01), told.quantile(0.99)) == (0.011, 0.06)
    assert told.quantile(0.5) == pytest.approx(0.012)  # what the sum leaves for it


@given(
    values=lists(floats(min_value=0.0, max_value=100.0), min_size=1, max_size=40),
    share=floats(min_value=0.0, max_value=1.0),
    told=booleans(),
)
def test_a_quantile_lies_within_what_was_measured_and_the_true_one_is_possible(
    values: list[float], share: float, *, told: bool
) -> None:
    row = histogram(values, [0.0, 1.0, 5.0, 25.0], told=told)
    estimate = row.quantile(share)
    assert estimate is not None
    assert -1e-9 <= estimate <= sum(values) + 1e-9
    if told:
        assert min(values) - 1e-9 <= estimate <= max(values) + 1e-9
    rank = max(1, math.ceil(share * len(values)))
    if told and rank in {1, len(values)}:
        assert estimate == sorted(values)[rank - 1]
    else:
        low, high = row._possible(rank, len(values))
        assert low - 1e-6 <= sorted(values)[rank - 1] <= high + 1e-6


def test_nothing_measured_has_no_quantile() -> None:
    assert Row().quantile(0.5) is None


def test_the_least_and_the_most_count_only_if_every_process_tells_them() -> None:
    family = Metric("h", "", "histogram")
    lowest, highest = Metric("h_min", "", "gauge"), Metric("h_max", "", "gauge")
    for process in ("a", "b"):
        family.add_sample("h_bucket", {"le": "+Inf", "job": process}, 2)
        family.add_sample("h_count", {"job": process}, 2)
        family.add_sample("h_sum", {"job": process}, 6)
    lowest.add_sample("h_min", {"job": "a"}, 1.0)
    highest.add_sample("h_max", {"job": "a"}, 5.0)
    (row,) = next(iter(shown([family, lowest, highest]))).rows.values()
    assert (row.lowest, row.highest) == (None, None)
    lowest.add_sample("h_min", {"job": "b"}, 2.0)
    highest.add_sample("h_max", {"job": "b"}, 4.0)
    (one,) = shown([family, lowest, highest])
    (row,) = one.rows.values()
    assert (row.lowest, row.highest) == (1.0, 5.0)
