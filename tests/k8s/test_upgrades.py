"""What an upgrade's two clusters may not share, told on a manifest broken in one place."""

from collections.abc import Callable
from typing import Any

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.upgrades import upgrade_findings
from tests.k8s.breaking import RAY, Broken, container_of, only

JOB = "CronJob tidegate-features"


def _terms(manifest: Manifest, group: str = "") -> list[dict[str, Any]]:
    pod = next(each for each in manifest.pods() if each.group == group)
    terms: list[dict[str, Any]] = pod.spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return terms


@pytest.mark.parametrize(("name", "group"), [("production", "signals"), ("local", "all")])
@pytest.mark.parametrize(
    "loosen",
    [
        list.clear,
        lambda terms: terms[0].update(topologyKey="topology.kubernetes.io/zone"),
        lambda terms: terms[0]["labelSelector"].update(matchLabels={"app.kubernetes.io/component": "head"}),
        lambda terms: terms[0]["labelSelector"].update(matchLabels={"app.kubernetes.io/part-of": "tidegate"}),
    ],
    ids=["none", "of a zone", "to others", "to any"],
)
def test_an_owner_of_the_event_log_that_a_new_cluster_may_place_elsewhere_is_told(
    broken: Broken, name: str, group: str, loosen: Callable[[list[dict[str, Any]]], object]
) -> None:
    finding = only(upgrade_findings, broken(name, RAY, lambda ray: loosen(_terms(ray, group))))
    assert finding.field == f"spec.rayClusterConfig.workerGroupSpecs[{group}].template.spec.affinity.podAffinity"
    assert finding.problem.startswith("tidegate-state is one node's")
    assert "kubernetes.io/hostname" in finding.allowed


def test_a_job_on_the_same_volume_that_may_run_elsewhere_is_told(broken: Broken) -> None:
    finding = only(upgrade_findings, broken("production", JOB, lambda job: _terms(job).clear()))
    assert finding.subject == JOB
    assert "group signals" in finding.problem


def test_a_volume_for_one_pod_only_is_told(broken: Broken) -> None:
    def narrow(claim: Manifest) -> None:
        claim.spec["accessModes"] = ["ReadWriteOncePod"]

    finding = only(upgrade_findings, broken("production", "PersistentVolumeClaim tidegate-state", narrow))
    assert (finding.field, finding.allowed) == ("spec.accessModes", "ReadWriteOnce")


def test_a_volume_that_every_node_may_have_binds_nobody(broken: Broken) -> None:
    def widen(claim: Manifest) -> None:
        claim.spec["accessModes"] = ["ReadWriteMany"]

    rendered = broken("production", "PersistentVolumeClaim tidegate-state", widen)
    _terms(next(each for each in rendered.manifests if each.title == JOB)).clear()
    assert list(upgrade_findings(rendered)) == []


def _option(ray: Manifest) -> None:
    ray.spec["rayClusterConfig"]["gcsFaultToleranceOptions"]["externalStorageNamespace"] = "tenant-a"


def _annotation(ray: Manifest) -> None:
    ray.document["metadata"]["annotations"] = {"ray.io/external-storage-namespace": "tenant-a"}


def _variable(ray: Manifest) -> None:
    container = container_of(ray, "headgroup")
    container["env"] = [*container["env"], {"name": "RAY_external_storage_namespace", "value": "tenant-a"}]


@pytest.mark.parametrize("say", [_option, _annotation, _variable])
def test_a_fixed_name_for_rays_state_is_told(broken: Broken, say: Callable[[Manifest], None]) -> None:
    finding = only(upgrade_findings, broken("production", RAY, say))
    assert finding.problem.startswith("tenant-a is the old and the new cluster's")
    assert finding.allowed == "unset: KubeRay takes each cluster's UID"
