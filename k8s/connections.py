"""Who connects to whom, and why: the one list. NetworkPolicies are generated from it, and everything else is denied.

`python -m k8s.check` compares rendered policies with it, and a test compares it with those of a running stack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Pods of ours, by `app.kubernetes.io/component`."""

    HEAD = "head"
    ROUTER = "router"
    STAGES = "stages"
    SPEECH = "speech"
    SIGNALS = "signals"
    TRITON = "triton"
    FEATURES_JOB = "features-job"
    LEDGER_JOB = "ledger-job"


class Outside(StrEnum):
    """What is not ours."""

    CLIENTS = "clients"
    DNS = "dns"
    OPERATOR = "kuberay-operator"
    API_SERVER = "api-server"
    PROMETHEUS = "prometheus"
    COLLECTOR = "otel-agent"
    REDIS = "redis"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Ports:
    """A port, or a range of them."""

    first: int
    last: int = 0
    protocol: str = "TCP"

    def plain(self) -> dict[str, Any]:
        """As a NetworkPolicy has it."""
        told: dict[str, Any] = {"protocol": self.protocol, "port": self.first}
        return told | ({"endPort": self.last} if self.last else {})


@dataclass(frozen=True, slots=True)
class Connection:
    """One kind of connection."""

    source: Role | Outside
    target: Role | Outside
    ports: tuple[Ports, ...]
    why: str


PEERS: Mapping[Outside, Sequence[dict[str, Any]]] = {
    Outside.CLIENTS: [{"namespaceSelector": {"matchLabels": {"tidegate.dev/client": "true"}}}],
    Outside.DNS: [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    Outside.OPERATOR: [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kuberay-system"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}},
        }
    ],
    # Addresses of documentation (RFC 5737): the overlay's own are put here. The API server's are those of its endpoints
    # (`kubectl -n default get endpointslices -l kubernetes.io/service-name=kubernetes`): most plugins see a packet
    # after its Service's address was replaced.
    Outside.API_SERVER: [{"ipBlock": {"cidr": "192.0.2.1/32"}}],
    Outside.REDIS: [{"ipBlock": {"cidr": "192.0.2.64/26"}}],
    Outside.POSTGRES: [{"ipBlock": {"cidr": "192.0.2.128/26"}}],
    Outside.PROMETHEUS: [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    Outside.COLLECTOR: [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tidegate-telemetry"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": "otel-agent"}},
        }
    ],
}
"""How a NetworkPolicy names what is not ours."""

RAY = (Role.HEAD, Role.ROUTER, Role.STAGES, Role.SPEECH, Role.SIGNALS)
"""Pods of the Ray cluster."""

_GCS, _DASHBOARD, _AGENT = Ports(6379), Ports(8265), Ports(52365)
_RAY_FIXED = Ports(6380, 6383)
"""Raylet, objects, runtime environments, agent: `rayStartParams`."""
_RAY_WORKERS = Ports(10002, 10999)
"""Calls between actors, Serve's controller included: `rayStartParams`."""
_REPLICAS = Ports(32768, 60999)
"""Serve's gRPC servers between deployments take a port that the kernel gives them."""
_DIRECT = (Ports(40000, 40099), Ports(30000, 30099))
"""The routers' own gRPC and HTTP servers, which the HAProxy of every router's pod calls and checks."""
_API = (Ports(443), Ports(6443))
"""The API server's own port is 6443 with kubeadm and kind, 443 with most managed clusters."""
_GRPC, _OTLP, _TRITON = Ports(9000), Ports(4317), Ports(8001)


def connections() -> list[Connection]:
    """All of them."""
    listed = [
        Connection(
            Outside.CLIENTS, Role.ROUTER, (_GRPC,), "items and events come in, by way of the gateway or directly"
        ),
        Connection(Role.ROUTER, Role.ROUTER, _DIRECT, "HAProxy of one pod asks the routers of all"),
        Connection(Role.ROUTER, Role.HEAD, (Ports(8500), Ports(9500)), "HAProxy's way out while no router runs"),
        Connection(Role.STAGES, Role.TRITON, (_TRITON,), "tensors of texts and images"),
        Connection(Role.STAGES, Outside.REDIS, (_GCS,), "account signals are read"),
        Connection(Role.SIGNALS, Outside.REDIS, (_GCS,), "account signals are written"),
        Connection(Role.FEATURES_JOB, Outside.REDIS, (_GCS,), "account signals are materialised"),
        Connection(Role.HEAD, Outside.REDIS, (_GCS,), "Ray's own state, so that a new head knows the cluster"),
        Connection(Role.ROUTER, Outside.POSTGRES, (Ports(5432),), "decisions are recorded and read"),
        Connection(Role.ROUTER, Outside.POSTGRES, (Ports(5432),), "hash banks are changed and listed"),
        Connection(Role.STAGES, Outside.POSTGRES, (Ports(5432),), "hash banks are read, to compare pictures with"),
        Connection(Role.SIGNALS, Outside.POSTGRES, (Ports(5432),), "our own decisions on an account are followed"),
        Connection(Role.LEDGER_JOB, Outside.POSTGRES, (Ports(5432),), "tables are made, decisions exported"),
        Connection(Outside.OPERATOR, Role.HEAD, (_DASHBOARD,), "KubeRay deploys the application and asks how it is"),
        Connection(Role.HEAD, Outside.API_SERVER, _API, "Ray's autoscaler asks for pods"),
        Connection(Role.TRITON, Outside.COLLECTOR, (Ports(4318),), "spans of Triton"),
        Connection(Outside.PROMETHEUS, Role.TRITON, (Ports(8002),), "metrics"),
    ]
    listed += [Connection(each, Outside.DNS, (Ports(53), Ports(53, protocol="UDP")), "names") for each in Role]
    listed += [
        Connection(each, Outside.COLLECTOR, (_OTLP,), "spans and metrics") for each in RAY if each is not Role.HEAD
    ]
    listed += [Connection(Outside.PROMETHEUS, each, (Ports(8080),), "metrics of Ray and Serve") for each in RAY]
    for source in RAY:
        for target in RAY:
            ports = (_GCS, _RAY_FIXED, _RAY_WORKERS) if target is Role.HEAD else (_RAY_FIXED, _RAY_WORKERS, _REPLICAS)
            if source is not target or target is not Role.HEAD:
                listed.append(Connection(source, target, ports, "Ray: nodes, actors, and calls between deployments"))
    return listed


@dataclass
class Edges:
    """What one pod may do, by direction and peer."""

    ingress: dict[Role | Outside, list[Ports]] = field(default_factory=dict)
    egress: dict[Role | Outside, list[Ports]] = field(default_factory=dict)


def by_role() -> dict[Role, Edges]:
    """The same, pod by pod."""
    edges = {role: Edges() for role in Role}
    for each in connections():
        if isinstance(each.source, Role):
            _more(edges[each.source].egress, each.target, each.ports)
        if isinstance(each.target, Role):
            _more(edges[each.target].ingress, each.source, each.ports)
    return edges


def _more(there: dict[Role | Outside, list[Ports]], peer: Role | Outside, ports: Sequence[Ports]) -> None:
    kept = there.setdefault(peer, [])
    kept += [each for each in ports if each not in kept]


def policies() -> list[dict[str, Any]]:
    """As NetworkPolicies: nothing for everybody, then what is listed, role by role."""
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    made = [{**head, "metadata": {"name": "tidegate-default-deny", "namespace": "tidegate"}, "spec": deny}]
    for role, edges in by_role().items():
        spec: dict[str, Any] = {"podSelector": _labels(role), "policyTypes": ["Ingress", "Egress"]}
        if edges.ingress:
            spec["ingress"] = [_rule("from", peer, ports) for peer, ports in edges.ingress.items()]
        if edges.egress:
            spec["egress"] = [_rule("to", peer, ports) for peer, ports in edges.egress.items()]
        made.append({**head, "metadata": {"name": f"tidegate-{role}", "namespace": "tidegate"}, "spec": spec})
    return made


def _rule(field: str, peer: Role | Outside, ports: Sequence[Ports]) -> dict[str, Any]:
    peers = [{"podSelector": _labels(peer)}] if isinstance(peer, Role) else [dict(each) for each in PEERS[peer]]
    return {field: peers, "ports": [each.plain() for each in ports]}


def _labels(role: Role) -> dict[str, Any]:
    return {"matchLabels": {"app.kubernetes.io/part-of": "tidegate", "app.kubernetes.io/component": str(role)}}
