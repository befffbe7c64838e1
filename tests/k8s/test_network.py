"""Network policies against the list of connections, told on a manifest broken in one place."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.network import network_findings
from k8s.check.rendering import Rendered
from k8s.connections import policies
from tests.k8s.breaking import only


@pytest.fixture
def guarded(overlay: Callable[[str], Rendered]) -> Rendered:
    """The production overlay with the generated policies."""
    whole = overlay("production")
    others = tuple(each for each in whole.manifests if each.kind != "NetworkPolicy")
    return replace(whole, manifests=(*others, *(Manifest(each) for each in policies())))


def test_generated_policies_allow_what_is_listed_and_nothing_else(guarded: Rendered) -> None:
    assert list(network_findings(guarded)) == []


def test_an_edge_that_is_not_listed_is_told(guarded: Rendered) -> None:
    triton = next(each for each in guarded.manifests if each.title == "NetworkPolicy tidegate-triton")
    triton.spec["ingress"].append(
        {
            "from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/component": "router"}}}],
            "ports": [{"port": 8001, "protocol": "TCP"}],
        }
    )
    finding = only(network_findings, guarded)
    assert (finding.subject, finding.field) == ("pods triton", "ingress")
    assert finding.problem == "router on TCP 8001: allowed, and not listed in k8s/connections.py"


def test_an_edge_that_is_listed_and_not_allowed_is_told(guarded: Rendered) -> None:
    router = next(each for each in guarded.manifests if each.title == "NetworkPolicy tidegate-router")
    router.spec["ingress"] = [
        each for each in router.spec["ingress"] if {"protocol": "TCP", "port": 9000} not in each["ports"]
    ]
    assert only(network_findings, guarded).problem == (
        "clients on TCP 9000: listed in k8s/connections.py, and not allowed"
    )


def test_an_overlay_without_a_policy_that_denies_is_told(guarded: Rendered) -> None:
    lax = tuple(each for each in guarded.manifests if each.title != "NetworkPolicy tidegate-default-deny")
    assert "no policy denies" in only(network_findings, replace(guarded, manifests=lax)).problem
