"""What a process counts, over OTLP and the built-in receiver into a real Prometheus."""

import urllib.request
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.observability.prometheus import Prometheus
from tests.stack.running import eventually
from tests.telemetry.conftest import receiver, start_receiver
from tests.telemetry.decided import decision, harm
from tests.telemetry.observed import Receiver
from tidegate.moderation.decision import Action, RuleValue, Violation
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.metrics import configure_metrics, meter_of
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import OtelModerationMetrics

__all__ = ["receiver", "start_receiver"]  # fixtures

pytestmark = pytest.mark.integration

TRACED = TraceContext("ab" * 16, "cd" * 8, sampled=True)
UNTRACED = TraceContext("12" * 16, "34" * 8, sampled=False)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def count_two(address: str) -> None:
    """A process that decides twice, once slowly and traced, once on a rule that was unknown and fell open; and ends."""
    provider = configure_metrics(service_name=ServiceName.ROUTER, endpoint=f"http://{address}")
    metrics = OtelModerationMetrics(meter_of(provider))
    held = decision(
        action=Action.REVIEW, runs=(harm(3),), violations=(Violation("r", "c", Action.REVIEW, RuleValue.TRUE),)
    )
    metrics.decided(held, duration_s=0.3, repeated=False, hops_ms={"gather": 200.0}, trace=TRACED)
    metrics.decided(decision(), duration_s=0.004, repeated=False, failed_open=("s",), trace=UNTRACED)
    metrics.refused("OVERLOADED", code="RESOURCE_EXHAUSTED")
    provider.shutdown()


def test_prometheus_scrapes_counts_and_the_traces_of_slow_requests(receiver: Receiver, tmp_path: Path) -> None:
    count_two(receiver.grpc)
    with Prometheus(tmp_path, [receiver.http]) as prometheus:
        duration = "tidegate_moderation_duration_seconds"
        assert eventually(lambda: prometheus.value(f"sum({duration}_count)") == 2, timeout_s=30)
        assert prometheus.scraped()
        codes = prometheus.query("sum by (code) (tidegate_moderation_requests_total)")
        assert {one["metric"]["code"]: one["value"][1] for one in codes} == {"OK": "2", "RESOURCE_EXHAUSTED": "1"}
        assert prometheus.value('sum(tidegate_policy_rules_total{value="UNKNOWN", action="ALLOW", rule="s"})') == 1
        assert prometheus.value('sum(tidegate_moderation_degraded_total{outcome="LET_THROUGH"})') == 1
        assert (prometheus.value('max(process_cpu_time_seconds_total{job="tidegate-router"})') or 0) > 0
        assert (prometheus.value('max(process_memory_usage_bytes{job="tidegate-router"})') or 0) > 1e6
        exemplars = prometheus.exemplars(f"{duration}_bucket")
        assert {one["labels"]["trace_id"] for one in exemplars} == {TRACED.trace_id}, "only what can be looked up"
        assert {float(one["value"]) for one in exemplars} == {0.3}


def test_openmetrics_is_for_whoever_asks_and_whole(receiver: Receiver) -> None:
    count_two(receiver.grpc)
    request = urllib.request.Request(f"http://{receiver.http}/metrics", headers={"Accept": OPENMETRICS})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        text = answer.read().decode()
    told = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    families = {family.name: family for family in told}
    slow = [
        sample
        for sample in families["tidegate_moderation_duration_seconds"].samples
        if sample.exemplar is not None and sample.name.endswith("_bucket")
    ]
    assert [sample.labels["le"] for sample in slow] == ["0.5"]
    assert slow[0].exemplar is not None
    assert slow[0].exemplar.labels == {"trace_id": TRACED.trace_id}
