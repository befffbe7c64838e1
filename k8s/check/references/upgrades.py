"""What two clusters of Ray share while KubeRay puts a new one beside the old: volumes, and a name in Redis."""

from collections.abc import Iterator
from typing import Any

from k8s.check.findings import Finding
from k8s.check.objects import Manifest, Pod
from k8s.check.references.selectors import pods_of, selected
from k8s.check.rendering import Rendered

CHECK = "upgrades"

HOSTNAME = "kubernetes.io/hostname"
_NAMESPACE = "RAY_external_storage_namespace"
_ANNOTATION = "ray.io/external-storage-namespace"


def upgrade_findings(rendered: Rendered) -> Iterator[Finding]:
    """What an upgrade would wait for without an end, or take from the cluster that it replaces."""
    for ray in rendered.of("RayService"):
        yield from _storage(rendered, ray)
    for claim in rendered.of("PersistentVolumeClaim"):
        modes = set(claim.spec.get("accessModes") or ())
        if not modes & {"ReadWriteMany", "ReadOnlyMany"}:
            yield from _mounted(rendered, claim, modes)


def _storage(rendered: Rendered, ray: Manifest) -> Iterator[Finding]:
    """Unset, it is each cluster's UID. Set, a new head restores the old one's actors (kuberay#1296, kuberay#5052)."""
    cluster: dict[str, Any] = ray.spec["rayClusterConfig"]
    options = cluster.get("gcsFaultToleranceOptions") or {}
    said = []
    if "externalStorageNamespace" in options:
        where = "spec.rayClusterConfig.gcsFaultToleranceOptions.externalStorageNamespace"
        said.append((where, options["externalStorageNamespace"]))
    annotated = {"metadata.annotations": ray.document["metadata"].get("annotations") or {}}
    for pod in ray.pods():
        annotated[f"{pod.path}.metadata.annotations"] = pod.template.get("metadata", {}).get("annotations") or {}
        for container in pod.containers():
            for name, entry in container.environment():
                if name == _NAMESPACE:
                    said.append((f"{container.path}.env[{name}]", entry.get("value")))
    said += [(f"{where}[{_ANNOTATION}]", held[_ANNOTATION]) for where, held in annotated.items() if _ANNOTATION in held]
    for where, value in said:
        problem = f"{value} is the old and the new cluster's in an upgrade: the new head restores the old one's actors"
        yield Finding(CHECK, rendered.name, ray.title, where, problem, "unset: KubeRay takes each cluster's UID")


def _mounted(rendered: Rendered, claim: Manifest, modes: set[str]) -> Iterator[Finding]:
    """Pods with one node's volume go to one node: two of Ray's group while an upgrade is on, and whoever shares it."""
    holders = [each for each in pods_of(rendered) if claim.name in _claims(each) and _of(claim, each)]
    for ray in (each for each in holders if each.owner.kind == "RayService"):
        if modes == {"ReadWriteOncePod"}:
            problem = "one pod only, and an upgrade has two of it until the second serves"
            yield Finding(CHECK, rendered.name, claim.title, "spec.accessModes", problem, "ReadWriteOnce")
        for pod in holders:
            if not _bound(rendered, pod, ray, holders):
                labels = {key: value for key, value in ray.labels.items() if not key.startswith("ray.io/")}
                where = f"{pod.path}.spec.affinity.podAffinity"
                beside = "one of an upgrade's other cluster" if pod == ray else f"group {ray.group}"
                problem = f"{claim.name} is one node's, and nothing holds this pod to the node of {beside}"
                allowed = (
                    f"requiredDuringSchedulingIgnoredDuringExecution: topologyKey {HOSTNAME}, matchLabels {labels}, "
                    "which no pods without the volume have"
                )
                yield Finding(CHECK, rendered.name, pod.owner.title, where, problem, allowed)


def _bound(rendered: Rendered, pod: Pod, to: Pod, holders: list[Pod]) -> bool:
    """Whether a pod goes where pods like `to` are, and nowhere else. The scheduler lets the first of a kind through."""
    affinity = (pod.spec.get("affinity") or {}).get("podAffinity") or {}
    for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
        taken = selected(term["labelSelector"], pods_of(rendered))
        if term["topologyKey"] == HOSTNAME and to in taken and all(each in holders for each in taken):
            return True
    return False


def _of(claim: Manifest, pod: Pod) -> bool:
    return claim.namespace == pod.owner.namespace


def _claims(pod: Pod) -> set[str]:
    volumes = pod.spec.get("volumes") or ()
    return {each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each}
