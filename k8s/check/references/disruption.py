"""Budgets for disruptions ↔ what the API server can count of pods that KubeRay makes."""

from collections.abc import Iterator
from typing import Any

from k8s.check.findings import Finding
from k8s.check.objects import Manifest, Pod
from k8s.check.references.selectors import pods_of, selected
from k8s.check.rendering import Rendered

CHECK = "disruption"


def disruption_findings(rendered: Rendered) -> Iterator[Finding]:
    """Budgets on pods of Ray that would refuse every eviction.

    For `maxUnavailable` and for percentages the disruption controller needs a total, and asks the pods' owner for it by
    the scale subresource. RayCluster has none, and the controller then allows nothing (kuberay#2662).
    """
    pods = pods_of(rendered)
    for budget in rendered.of("PodDisruptionBudget"):
        taken = [each for each in selected(budget.spec["selector"], pods) if each.owner.namespace == budget.namespace]
        if any(each.owner.kind == "RayService" for each in taken):
            yield from _countable(rendered, budget, sum(map(_at_least, taken)))


def _countable(rendered: Rendered, budget: Manifest, fewest: int) -> Iterator[Finding]:
    wanted = f"minAvailable, a number from 1 to {fewest - 1}" if fewest > 1 else "no budget: there may be one such pod"
    for field in ("maxUnavailable", "minAvailable"):
        value = budget.spec.get(field)
        where = f"spec.{field}"
        if value is not None and (field == "maxUnavailable" or isinstance(value, str)):
            problem = f"{value}: of a RayCluster's pods no total is known, so every eviction would be refused"
            yield Finding(CHECK, rendered.name, budget.title, where, problem, wanted)
        elif value is not None and value >= fewest:
            problem = f"{value}: there may be no more than {fewest} of these pods, so none could be evicted"
            yield Finding(CHECK, rendered.name, budget.title, where, problem, wanted)


def _at_least(pod: Pod) -> int:
    """How many pods there are of a template when there are fewest."""
    if pod.owner.kind != "RayService":
        return int(pod.owner.spec.get("replicas", 1))
    groups: list[dict[str, Any]] = pod.owner.spec["rayClusterConfig"].get("workerGroupSpecs") or []
    return next((int(each.get("minReplicas", 0)) for each in groups if each["groupName"] == pod.group), 1)
