"""What KEDA asks Prometheus ↔ series that our code, a rule or Triton makes ↔ a Prometheus that scrapes them."""

import re
from collections.abc import Iterator
from typing import Any

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.addresses import host_of, leads_nowhere
from k8s.check.references.selectors import pods_of, selected
from k8s.check.rendering import Rendered
from tidegate.telemetry.monitoring.prometheus_names import series
from tidegate.telemetry.names import MetricName

CHECK = "autoscaling"

TRITON = frozenset(
    {
        "nv_inference_queue_duration_us",
        "nv_inference_compute_infer_duration_us",
        "nv_inference_count",
        "nv_inference_exec_count",
        "nv_inference_request_failure",
        "nv_gpu_utilization",
        "nv_gpu_memory_used_bytes",
    }
)
"""What Triton counts, as far as we ask for it. A test asks a real one: `tests/models/test_triton_metrics.py`."""

_NOT_NAMES = re.compile(
    r"""\{[^}]*\}                                                          # matchers of labels
      | \[[^\]]*\]                                                         # ranges
      | "[^"]*" | '[^']*'                                                  # strings
      | \b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)    # lists of labels
      | \b(?:and|or|unless|bool|offset|inf|nan|by|without|on|ignoring|group_left|group_right)\b
      | \b\d[\w.]*                                                         # numbers, durations
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NAME = re.compile(r"[a-zA-Z_:][\w:]*\b(?!\s*\()")


def autoscaling_findings(rendered: Rendered) -> Iterator[Finding]:
    """Queries for what nobody counts, to a Prometheus that nobody has."""
    for scaled in rendered.of("ScaledObject"):
        for number, trigger in enumerate(scaled.spec["triggers"]):
            if trigger["type"] == "prometheus":
                where, metadata = f"spec.triggers[{number}].metadata", trigger["metadata"]
                yield from _series(rendered, scaled, f"{where}.query", metadata["query"])
                yield from _server(rendered, scaled, f"{where}.serverAddress", metadata["serverAddress"])
    for ray in rendered.of("RayService"):
        yield from _restarts(rendered, ray)


def metrics_of(query: str) -> list[str]:
    """Names of the series that a PromQL query asks for, in order."""
    return list(dict.fromkeys(_NAME.findall(_NOT_NAMES.sub(" ", query))))


def _restarts(rendered: Rendered, ray: Manifest) -> Iterator[Finding]:
    """With Ray's autoscaler v2 pods are replaced: KubeRay writes Never itself, and refuses what says otherwise."""
    cluster: dict[str, Any] = ray.spec["rayClusterConfig"]
    if cluster.get("enableInTreeAutoscaling") and (cluster.get("autoscalerOptions") or {}).get("version") == "v2":
        for pod in ray.pods():
            policy = pod.spec.get("restartPolicy", "Never")
            if policy != "Never":
                where, problem = f"{pod.path}.spec.restartPolicy", f"{policy}: KubeRay refuses it with autoscaler v2"
                yield Finding(CHECK, rendered.name, ray.title, where, problem, "unset, or Never")


def _series(rendered: Rendered, scaled: Manifest, where: str, query: str) -> Iterator[Finding]:
    ours = set().union(*(series(name) for name in MetricName))
    recorded = {
        rule["record"]
        for each in rendered.of("PrometheusRule")
        for group in each.spec["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    asked = metrics_of(query)
    for name in asked:
        if name not in ours | recorded | TRITON:
            told = f"{', '.join(sorted(TRITON))}; tidegate.telemetry.names; what PrometheusRules here record"
            yield Finding(CHECK, rendered.name, scaled.title, where, f"nobody counts {name}", told)
    if not asked:
        yield Finding(CHECK, rendered.name, scaled.title, where, "asks for no metric", ", ".join(sorted(TRITON)))


def _server(rendered: Rendered, scaled: Manifest, where: str, address: str) -> Iterator[Finding]:
    """A Service that there is, or the operator's own, which the overlay tells what to scrape."""
    target: dict[str, Any] = scaled.spec["scaleTargetRef"]
    pods = [each for each in pods_of(rendered) if each.owner.name == target["name"]]
    scraped = any(selected(each.spec["selector"], pods) for each in rendered.of("PodMonitor"))
    if not scraped and leads_nowhere(rendered, address, scaled.namespace):
        problem = f"{host_of(address)} is no Service of this overlay, and no PodMonitor has {target['name']} scraped"
        allowed = (
            "component monitoring; or another Prometheus that scrapes these pods, whose Service needs.yaml names "
            "(kind, name, namespace); or neither component autoscaling nor its triggers"
        )
        yield Finding(CHECK, rendered.name, scaled.title, where, problem, allowed)
