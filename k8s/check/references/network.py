"""NetworkPolicies ↔ the list of connections, and that list ↔ the pods there are."""

from collections.abc import Iterator, Mapping
from typing import Any

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.selectors import matches, pods_of
from k8s.check.rendering import Rendered
from k8s.connections import PEERS, Outside, Ports, Role, by_role

CHECK = "network"


def network_findings(rendered: Rendered) -> Iterator[Finding]:
    """Edges that only one of both has. Overlays without policies are left alone."""
    policies = rendered.of("NetworkPolicy")
    if not policies:
        return
    yield from _default_deny(rendered, policies)
    guarded = {each.namespace for each in policies}
    pods = [pod for pod in pods_of(rendered) if pod.owner.namespace in guarded]
    there = {pod.labels.get("app.kubernetes.io/component") for pod in pods}
    for name in sorted(str(each) for each in there - set(Role)):
        told = ", ".join(Role)
        yield Finding(CHECK, rendered.name, f"pods {name}", "labels", "k8s/connections.py knows no such role", told)
    for role, edges in by_role().items():
        labels = {"app.kubernetes.io/part-of": "tidegate", "app.kubernetes.io/component": str(role)}
        for direction, wanted in (("ingress", edges.ingress), ("egress", edges.egress)):
            listed = {(peer, port) for peer, ports in wanted.items() for port in ports}
            found = set(_allowed(policies, labels, direction))
            for peer, port in sorted(found ^ listed, key=str):
                problem = f"{peer} on {_told(port)}: " + (
                    "allowed, and not listed in k8s/connections.py"
                    if (peer, port) in found
                    else "listed in k8s/connections.py, and not allowed"
                )
                told = "python -m k8s.generate writes the policies from the list"
                yield Finding(CHECK, rendered.name, f"pods {role}", direction, problem, told)


def _default_deny(rendered: Rendered, policies: tuple[Manifest, ...]) -> Iterator[Finding]:
    denying = [each for each in policies if each.spec.get("podSelector") == {} and not _rules(each)]
    if not any(set(each.spec.get("policyTypes") or ()) == {"Ingress", "Egress"} for each in denying):
        problem = "no policy denies everything that is not listed"
        told = "one with an empty podSelector, both policyTypes and no rules"
        yield Finding(CHECK, rendered.name, "NetworkPolicy", "spec", problem, told)


def _rules(policy: Manifest) -> list[Any]:
    return [*(policy.spec.get("ingress") or ()), *(policy.spec.get("egress") or ())]


def _allowed(
    policies: tuple[Manifest, ...], labels: Mapping[str, str], direction: str
) -> Iterator[tuple[Role | Outside | str, Ports]]:
    field = "from" if direction == "ingress" else "to"
    for policy in policies:
        if not matches(policy.spec["podSelector"], labels):
            continue
        for rule in policy.spec.get(direction) or ():
            for port in rule.get("ports") or [{"port": 0}]:
                for peer in rule.get(field) or [{}]:
                    ports = Ports(port["port"], port.get("endPort", 0), port.get("protocol", "TCP"))
                    yield _peer(peer), ports


def _peer(peer: dict[str, Any]) -> Role | Outside | str:
    for outside, peers in PEERS.items():
        if peer in peers:
            return outside
    wanted = (peer.get("podSelector") or {}).get("matchLabels") or {}
    component = wanted.get("app.kubernetes.io/component")
    return Role(component) if component in set(Role) and set(peer) == {"podSelector"} else str(peer or "everybody")


def _told(ports: Ports) -> str:
    return f"{ports.protocol} {ports.first}" + (f" to {ports.last}" if ports.last else "")
