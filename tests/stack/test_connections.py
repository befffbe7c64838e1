"""The list that NetworkPolicies are made from holds every connection that a running stack has."""

import pytest

from k8s.connections import RAY as RAY_PODS
from k8s.connections import Outside, Role, connections
from tests.stack.connected import RAY, edges
from tests.stack.running import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

Edge = tuple[Role | Outside | str, Role | Outside | str]


def _listed() -> set[Edge]:
    """Role by role. What every Ray pod may do, a process that is on each node may."""
    listed: set[Edge] = {(each.source, each.target) for each in connections()}
    pods = set(RAY_PODS)
    return (
        listed
        | {(RAY if source in pods else source, RAY if target in pods else target) for source, target in listed}
        | {(RAY if source in pods else source, target) for source, target in listed}
        | {(source, RAY if target in pods else target) for source, target in listed}
    )


def test_every_connection_of_a_running_stack_is_listed_and_those_of_a_decision_are_seen(stack: Stack) -> None:
    wanted: set[Edge] = {
        (Role.STAGES, Role.TRITON),
        (Role.ROUTER, Role.STAGES),
        (Role.ROUTER, Role.ROUTER),
        (Role.ROUTER, Outside.COLLECTOR),
    }
    seen: set[Edge] = set()

    def all_seen() -> bool:
        stack.moderate(f"a song that nobody heard before, number {len(seen)}")
        seen.update(edges(stack.processes()))
        return wanted <= seen

    assert eventually(all_seen, timeout_s=60), f"not seen: {wanted - seen}"
    assert seen <= _listed(), f"not in k8s/connections.py: {seen - _listed()}"
