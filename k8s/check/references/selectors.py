"""Selectors ↔ labels: everything that selects pods selects some, and a workload selects its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from k8s.check.findings import Finding
from k8s.check.objects import Manifest, Pod
from k8s.check.rendering import Rendered

CHECK = "selectors"


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels. An empty one takes all."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _expressed(each, labels) for each in selector.get("matchExpressions") or ()
    )


def _expressed(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def pods_of(rendered: Rendered) -> list[Pod]:
    """All pods of an overlay."""
    return [pod for manifest in rendered.manifests for pod in manifest.pods()]


def selected(selector: Mapping[str, Any], pods: Sequence[Pod]) -> list[Pod]:
    """Those that a selector takes."""
    return [pod for pod in pods if matches(selector, pod.labels)]


def selector_findings(rendered: Rendered) -> Iterator[Finding]:
    """Selectors that take no pod, and workloads that don't take their own."""
    pods = pods_of(rendered)
    told = "; ".join(sorted({_labels(pod) for pod in pods}))
    for manifest in rendered.manifests:
        for path, selector in _selectors(manifest):
            if not selected(selector, pods):
                yield Finding(CHECK, rendered.name, manifest.title, path, f"{selector} takes no pod", told)
        if manifest.kind in {"DaemonSet", "Deployment", "StatefulSet"} and not matches(
            manifest.spec["selector"], next(manifest.pods()).labels
        ):
            yield Finding(
                CHECK,
                rendered.name,
                manifest.title,
                "spec.selector",
                f"{manifest.spec['selector']} does not take its own pods",
                str(next(manifest.pods()).labels),
            )


def _selectors(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    spec = manifest.spec
    match manifest.kind:
        case "Service" if spec.get("selector"):
            yield "spec.selector", {"matchLabels": spec["selector"]}
        case "PodDisruptionBudget" | "PodMonitor":
            yield "spec.selector", spec["selector"]
        case "NetworkPolicy":
            yield "spec.podSelector", spec["podSelector"]
            for direction, field in (("ingress", "from"), ("egress", "to")):
                for number, rule in enumerate(spec.get(direction) or ()):
                    for peer in rule.get(field) or ():
                        if "podSelector" in peer and "namespaceSelector" not in peer:
                            yield f"spec.{direction}[{number}].{field}", peer["podSelector"]
        case _:
            for pod in manifest.pods():
                yield from _in_pod(pod)


def _in_pod(pod: Pod) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, each in enumerate(pod.spec.get("topologySpreadConstraints") or ()):
        yield f"{pod.path}.spec.topologySpreadConstraints[{number}]", each["labelSelector"]
    for kind in ("podAffinity", "podAntiAffinity"):
        for each in (pod.spec.get("affinity", {}).get(kind) or {}).get(
            "requiredDuringSchedulingIgnoredDuringExecution"
        ) or ():
            yield f"{pod.path}.spec.affinity.{kind}", each["labelSelector"]


def _labels(pod: Pod) -> str:
    shown = {key: value for key, value in pod.labels.items() if not key.startswith("ray.io/")}
    return ", ".join(f"{key}={value}" for key, value in sorted(shown.items()))
