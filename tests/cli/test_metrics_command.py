"""`tidegate metrics` on what a real receiver shows."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from prometheus_client import Metric

from tests.telemetry.conftest import receiver, start_receiver
from tests.telemetry.decided import decision, harm
from tests.telemetry.observed import Receiver
from tidegate.cli.main import main
from tidegate.cli.metrics import rows
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
    assert 0.02 < duration["p50"] <= 0.05
    drawn = run(tmp_path, "--address", address)
    assert drawn.exit_code == 0
    assert "tidegate_detector_severities" in drawn.stdout


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
