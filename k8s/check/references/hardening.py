"""Pod Security *restricted*, read-only roots, and resources, for every container.

What a namespace must allow more (the agent that reads the nodes' logs) is said by its own label.
"""

from collections.abc import Iterator
from typing import Any

from k8s.check.findings import Finding
from k8s.check.objects import Container, Pod
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered

CHECK = "hardening"
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_CONTAINER: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def hardening_findings(rendered: Rendered) -> Iterator[Finding]:
    """What the API server would refuse, or what we ask beyond it."""
    restricted = {
        each.name
        for each in rendered.of("Namespace")
        if each.labels.get("pod-security.kubernetes.io/enforce") == "restricted"
    }
    for pod in pods_of(rendered):
        yield from _pod(rendered, pod)
        if pod.owner.namespace in restricted:
            yield from _volumes(rendered, pod)
        for container in pod.containers():
            yield from _container(rendered, container)


def _pod(rendered: Rendered, pod: Pod) -> Iterator[Finding]:
    security = pod.spec.get("securityContext") or {}
    wanted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    for field, value in wanted.items():
        if security.get(field) != value:
            where = f"{pod.path}.spec.securityContext.{field}"
            yield Finding(CHECK, rendered.name, pod.owner.title, where, f"{security.get(field)}", f"{value}")
    if not security.get("runAsUser"):
        where = f"{pod.path}.spec.securityContext.runAsUser"
        yield Finding(CHECK, rendered.name, pod.owner.title, where, f"{security.get('runAsUser')}", "a user above 0")
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield Finding(CHECK, rendered.name, pod.owner.title, f"{pod.path}.spec.{field}", "true", "false")
    if pod.spec.get("automountServiceAccountToken", True) and not _asks_the_api_server(pod):
        where = f"{pod.path}.spec.automountServiceAccountToken"
        yield Finding(CHECK, rendered.name, pod.owner.title, where, "true", "false: nothing in it asks the API server")


def _asks_the_api_server(pod: Pod) -> bool:
    """The head, for Ray's autoscaler, and agents that look up where a span came from."""
    return pod.group == "headgroup" or pod.labels.get("app.kubernetes.io/component") == "otel-agent"


def _volumes(rendered: Rendered, pod: Pod) -> Iterator[Finding]:
    for volume in pod.spec.get("volumes") or ():
        kinds = set(volume) - {"name"}
        if not kinds <= _VOLUMES:
            where = f"{pod.path}.spec.volumes[{volume['name']}]"
            told = ", ".join(sorted(_VOLUMES))
            yield Finding(CHECK, rendered.name, pod.owner.title, where, ", ".join(sorted(kinds)), told)


def _container(rendered: Rendered, container: Container) -> Iterator[Finding]:
    owner, security = container.pod.owner.title, container.document.get("securityContext") or {}
    for field, value in _CONTAINER.items():
        if security.get(field) != value:
            where = f"{container.path}.securityContext.{field}"
            yield Finding(CHECK, rendered.name, owner, where, f"{security.get(field)}", f"{value}")
    resources = container.document.get("resources") or {}
    for kind, names in (("requests", ("cpu", "memory")), ("limits", ("memory",))):
        for name in names:
            if name not in (resources.get(kind) or {}):
                where = f"{container.path}.resources.{kind}"
                yield Finding(
                    CHECK, rendered.name, owner, where, f"{name} is missing", "cpu and memory; limits: memory"
                )
