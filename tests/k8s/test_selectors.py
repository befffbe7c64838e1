"""Selectors that take no pod, or the wrong ones, told on a manifest broken in one place."""

from k8s.check.objects import Manifest
from k8s.check.references.selectors import selector_findings
from tests.k8s.breaking import TRITON, Broken, only


def test_a_service_that_selects_no_pod_is_told_with_the_labels_there_are(broken: Broken) -> None:
    rendered = broken(
        "production", "Service tidegate-grpc", lambda each: each.spec["selector"].update({"app": "router"})
    )
    finding = only(selector_findings, rendered)
    assert finding.field == "spec.selector"
    assert "takes no pod" in finding.problem
    assert "app.kubernetes.io/component=router" in finding.allowed


def test_a_deployment_that_does_not_select_its_own_pods_is_told(broken: Broken) -> None:
    def rename(triton: Manifest) -> None:
        triton.spec["selector"]["matchLabels"]["app.kubernetes.io/component"] = "router"

    assert "its own pods" in only(selector_findings, broken("production", TRITON, rename)).problem


def test_a_budget_for_disruptions_that_protects_nothing_is_told(broken: Broken) -> None:
    def rename(budget: Manifest) -> None:
        budget.spec["selector"]["matchLabels"]["app.kubernetes.io/component"] = "routers"

    finding = only(selector_findings, broken("production", "PodDisruptionBudget tidegate-routers", rename))
    assert finding.subject == "PodDisruptionBudget tidegate-routers"
