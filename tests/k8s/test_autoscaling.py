"""What KEDA asks for, broken in one place: what the check says of it."""

from collections.abc import Callable

import pytest

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.autoscaling import TRITON, autoscaling_findings, metrics_of
from k8s.check.rendering import Rendered
from tests.observability import test_dashboards

Broken = Callable[[str, str, Callable[[Manifest], object]], Rendered]

SCALED = "ScaledObject tidegate-triton"


def _only(rendered: Rendered) -> Finding:
    (finding,) = list(autoscaling_findings(rendered))
    return finding


@pytest.mark.parametrize("wrong", ["nv_inference_queue_durations_us", "inference_queue_duration_us", "up"])
def test_a_query_for_what_nobody_counts_is_told(broken: Broken, wrong: str) -> None:
    def misspell(scaled: Manifest) -> None:
        metadata = scaled.spec["triggers"][0]["metadata"]
        metadata["query"] = metadata["query"].replace("nv_inference_queue_duration_us", wrong)

    finding = _only(broken("production", SCALED, misspell))
    assert finding.field == "spec.triggers[0].metadata.query"
    assert finding.problem == f"nobody counts {wrong}"
    assert "nv_inference_queue_duration_us" in finding.allowed


@pytest.mark.parametrize(
    "right",
    ["sum(rate(tidegate_moderation_requests_total[2m]))", "tidegate:router_load:ratio", "max(nv_gpu_utilization)"],
)
def test_declared_and_recorded_series_may_be_asked_for(broken: Broken, right: str) -> None:
    rendered = broken("production", SCALED, lambda each: each.spec["triggers"][0]["metadata"].update(query=right))
    assert list(autoscaling_findings(rendered)) == []


def test_a_query_for_no_metric_is_told(broken: Broken) -> None:
    rendered = broken("production", SCALED, lambda each: each.spec["triggers"][0]["metadata"].update(query="vector(1)"))
    assert _only(rendered).problem == "asks for no metric"


def test_metrics_are_told_from_everything_else_in_a_query() -> None:
    query = (
        'sum by (le, job) (rate(one_total{kind=~"a|b"}[5m] offset 1h)) / on (job) group_left (zone) two:rate5m '
        "> bool 0.5e1 and absent(three) or clamp_min(four, 1) unless label_replace(five, 'x', '$1', 'y', '(.*)')"
    )
    assert metrics_of(query) == ["one_total", "two:rate5m", "three", "four", "five"]


@pytest.mark.parametrize("group", ["headgroup", "routers"])
def test_a_container_that_is_to_be_restarted_where_pods_are_replaced_is_told(broken: Broken, group: str) -> None:
    def restart(ray: Manifest) -> None:
        next(each for each in ray.pods() if each.group == group).spec["restartPolicy"] = "Always"

    finding = _only(broken("production", "RayService tidegate", restart))
    assert finding.field.endswith(".template.spec.restartPolicy")
    assert finding.problem == "Always: KubeRay refuses it with autoscaler v2"
    assert list(autoscaling_findings(broken("local", "RayService tidegate", lambda _: None))) == []


def test_tritons_metrics_are_those_that_a_real_one_is_asked_for() -> None:
    assert TRITON == test_dashboards.TRITON
