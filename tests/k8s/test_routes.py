"""Routes that were broken in one place: what the check says of them."""

from collections.abc import Callable
from typing import Any

import pytest

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.routes import route_findings, services
from k8s.check.rendering import Rendered

Broken = Callable[[str, str, Callable[[Manifest], object]], Rendered]

ROUTE = "GRPCRoute tidegate"


def _only(rendered: Rendered) -> Finding:
    (finding,) = list(route_findings(rendered))
    return finding


@pytest.mark.parametrize("kind", ["GRPCRoute", "HTTPRoute"])
def test_a_section_that_is_no_listener_is_told_with_those_there_are(broken: Broken, kind: str) -> None:
    def misspell(route: Manifest) -> None:
        route.document["kind"] = kind
        route.spec["parentRefs"][0]["sectionName"] = "grpcx"

    finding = _only(broken("production", ROUTE, misspell))
    assert finding.field == "spec.parentRefs[tidegate].sectionName"
    assert finding.problem == "grpcx is no listener of Gateway tidegate"
    assert finding.allowed == "grpc"


def test_a_gateway_that_there_is_not_is_told(broken: Broken) -> None:
    rendered = broken("production", ROUTE, lambda route: route.spec["parentRefs"][0].update(name="gate"))
    assert _only(rendered).problem == "there is no Gateway gate"


def test_a_class_of_gateways_that_the_cluster_does_not_bring_is_told(broken: Broken) -> None:
    finding = _only(broken("production", "Gateway tidegate", lambda each: each.spec.update(gatewayClassName="eg")))
    assert finding.problem == "there is no GatewayClass eg"
    assert finding.allowed == "tidegate; what the cluster brings is named in needs.yaml"


@pytest.mark.parametrize(
    ("annotation", "kind", "there"), [("cluster-issuer", "ClusterIssuer", "tidegate"), ("issuer", "Issuer", "none")]
)
def test_an_issuer_of_certificates_that_the_cluster_does_not_bring_is_told(
    broken: Broken, annotation: str, kind: str, there: str
) -> None:
    def change(gateway: Manifest) -> None:
        gateway.document["metadata"]["annotations"] = {f"cert-manager.io/{annotation}": "letsencrypt"}

    finding = _only(broken("production", "Gateway tidegate", change))
    assert finding.field == f"metadata.annotations[cert-manager.io/{annotation}]"
    assert finding.problem == f"there is no {kind} letsencrypt"
    assert finding.allowed == f"{there}; what the cluster brings is named in needs.yaml"


def test_a_listener_that_takes_other_routes_only_is_told(broken: Broken) -> None:
    finding = _only(broken("production", ROUTE, lambda route: route.document.update(kind="HTTPRoute")))
    assert (finding.problem, finding.allowed) == ("the listener takes no HTTPRoute", "GRPCRoute")


def test_a_hostname_that_the_listener_does_not_have_is_told(broken: Broken) -> None:
    rendered = broken("production", ROUTE, lambda route: route.spec.update(hostnames=["tidegate.example.org"]))
    finding = _only(rendered)
    assert finding.field == "spec.hostnames[tidegate.example.org]"
    assert finding.allowed == "tidegate.example.com"


@pytest.mark.parametrize(
    ("listens", "right"),
    [("*.example.com", True), (None, True), ("*.tidegate.example.com", False), ("*.ample.com", False)],
)
def test_a_listener_may_have_many_names(broken: Broken, listens: str | None, right: bool) -> None:
    def listen(gateway: Manifest) -> None:
        gateway.spec["listeners"][0].pop("hostname")
        gateway.spec["listeners"][0] |= {"hostname": listens} if listens else {}

    found = list(route_findings(broken("production", "Gateway tidegate", listen)))
    assert (not found) is right


@pytest.mark.parametrize(
    ("change", "field", "allowed"),
    [
        ({"service": "tidegate.api.moderation.v1.ModerationServce"}, "service", "ModerationService"),
        ({"method": "Moderates"}, "method", "ModerateStream"),
        ({"type": "RegularExpression", "service": "tidegate[.]api[.]v1[.].*"}, "service", "ModerationService"),
    ],
)
def test_a_service_or_method_that_no_proto_has_is_told(
    broken: Broken, change: dict[str, Any], field: str, allowed: str
) -> None:
    rendered = broken("production", ROUTE, lambda route: route.spec["rules"][0]["matches"][0]["method"].update(change))
    finding = _only(rendered)
    assert finding.field == f"spec.rules[0].matches[0].method.{field}"
    assert allowed in finding.allowed


def test_services_are_those_of_the_contract_and_health() -> None:
    names = {each.rpartition(".")[2] for each in services()}
    assert names == {"ModerationService", "SignalService", "HashBankService", "Health"}
