"""Budgets for disruptions that would refuse every eviction, told on a manifest broken in one place."""

from typing import Any

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.disruption import disruption_findings
from tests.k8s.breaking import RAY, Broken, only

ROUTERS = "PodDisruptionBudget tidegate-routers"


def _groups(ray: Manifest) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = ray.spec["rayClusterConfig"]["workerGroupSpecs"]
    return groups


@pytest.mark.parametrize(
    ("said", "field", "told"),
    [
        ({"maxUnavailable": 1}, "spec.maxUnavailable", "no total is known"),
        ({"maxUnavailable": "50%"}, "spec.maxUnavailable", "no total is known"),
        ({"minAvailable": "50%"}, "spec.minAvailable", "no total is known"),
        ({"minAvailable": 5}, "spec.minAvailable", "no more than 5 of these pods"),
    ],
)
def test_a_budget_on_pods_of_ray_that_allows_no_eviction_is_told(
    broken: Broken, said: dict[str, int | str], field: str, told: str
) -> None:
    rendered = broken("production", RAY, lambda ray: _groups(ray)[0].update(minReplicas=5))
    budget = next(each for each in rendered.manifests if each.title == ROUTERS)
    del budget.spec["minAvailable"]
    budget.spec.update(said)
    finding = only(disruption_findings, rendered)
    assert finding.field == field
    assert told in finding.problem
    assert finding.allowed == "minAvailable, a number from 1 to 4"


def test_a_budget_for_a_group_that_may_have_one_pod_is_told(broken: Broken) -> None:
    finding = only(disruption_findings, broken("production", RAY, lambda ray: _groups(ray)[0].update(minReplicas=1)))
    assert finding.subject == ROUTERS
    assert finding.allowed == "no budget: there may be one such pod"


def test_a_deployments_pods_have_a_total(broken: Broken) -> None:
    title = "PodDisruptionBudget tidegate-triton"
    rendered = broken("production", title, lambda budget: budget.spec.update(maxUnavailable="10%"))
    assert list(disruption_findings(rendered)) == []
