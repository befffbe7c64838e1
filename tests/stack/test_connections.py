"""The list that NetworkPolicies are made from holds every connection that a running stack has, with its port.

Ports of Ray itself are told apart in `test_serve_deploy.py`, Redis and PostgreSQL are in `test_production_stack.py`.
"""

from dataclasses import replace

import pytest

from k8s.connections import Outside, Ports, Role, connections
from tests.stack import connected
from tests.stack.connected import (
    DIRECT_GRPC,
    DIRECT_HTTP,
    GCS,
    NODE,
    OF_NODES,
    OTLP,
    OTLP_HTTP,
    REPLICAS,
    TRITON,
    WORKERS,
    Edge,
    edges,
)
from tests.stack.running import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def test_every_connection_of_a_running_stack_is_listed_and_those_of_a_decision_are_seen(stack: Stack) -> None:
    wanted = {
        Edge(Role.STAGES, Role.TRITON, TRITON),
        Edge(Role.ROUTER, Role.STAGES, WORKERS),
        Edge(Role.ROUTER, Role.ROUTER, DIRECT_GRPC),
        Edge(Role.ROUTER, Role.ROUTER, DIRECT_HTTP),
        Edge(Role.ROUTER, Outside.COLLECTOR, OTLP),
        Edge(Role.TRITON, Outside.COLLECTOR, OTLP_HTTP),
        Edge(Role.ROUTER, Role.HEAD, Ports(8500)),
        Edge(Role.ROUTER, Role.HEAD, Ports(9500)),
        Edge(Role.STAGES, Role.HEAD, GCS),
    }
    seen: set[Edge] = set()

    def all_seen() -> bool:
        stack.moderate(f"a song that nobody heard before, number {len(seen)}")
        seen.update(edges(stack.processes()))
        return wanted <= seen

    assert eventually(all_seen, timeout_s=60), f"not seen: {wanted - seen}"
    assert not [each for each in seen if not each.listed()], "not in k8s/connections.py"


@pytest.mark.parametrize(
    ("edge", "reason"),
    [
        (Edge(Role.ROUTER, Role.STAGES, WORKERS), "actors"),
        (Edge(Role.ROUTER, Role.STAGES, REPLICAS), "Serve's own servers"),
        (Edge(NODE, Role.HEAD, OF_NODES), "nodes"),
        (Edge(Role.ROUTER, Role.ROUTER, DIRECT_HTTP), "HAProxy's checks"),
        (Edge(Role.STAGES, Outside.REDIS, Ports(6379)), "signals"),
    ],
)
def test_a_port_that_is_taken_out_of_the_list_is_told(edge: Edge, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert edge.listed(), reason
    without = [
        replace(each, ports=tuple(ports for ports in each.ports if ports != edge.ports)) for each in connections()
    ]
    monkeypatch.setattr(connected, "connections", lambda: without)
    assert not edge.listed()
    assert not Edge(edge.source, edge.target, Ports(5433)).listed()
