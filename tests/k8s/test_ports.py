"""Ports that nobody has, or that differ from what listens, told on a manifest broken in one place."""

from k8s.check.objects import Manifest
from k8s.check.references.ports import port_findings
from tests.k8s.breaking import RAY, TRITON, Broken, change_serve, container_of, only


def test_a_service_port_that_no_container_has_is_told_with_those_it_has(broken: Broken) -> None:
    def rename(service: Manifest) -> None:
        service.spec["ports"][0]["targetPort"] = "grpc"

    finding = only(port_findings, broken("production", "Service tidegate-grpc", rename))
    assert finding.problem == "grpc is no port of RayService tidegate routers"
    assert "serve-grpc (9000)" in finding.allowed


def test_a_headless_service_on_another_port_than_its_pods_is_told(broken: Broken) -> None:
    rendered = broken("local", "Service tidegate-triton", lambda each: each.spec["ports"][0].update(port=80))
    assert "translates nothing" in only(port_findings, rendered).problem


def test_a_probe_of_a_port_that_the_container_does_not_have_is_told(broken: Broken) -> None:
    def rename(ray: Manifest) -> None:
        container = container_of(ray, "routers")
        container["readinessProbe"] = {"grpc": {"port": 9001}}

    finding = only(port_findings, broken("production", RAY, rename))
    assert finding.field.endswith("[routers].template.spec.containers[ray-worker].readinessProbe.grpc.port")
    assert finding.problem == "9001 is no port of the container"


def test_a_route_to_a_port_that_the_service_does_not_have_is_told(broken: Broken) -> None:
    def move(route: Manifest) -> None:
        route.spec["rules"][0]["backendRefs"][0]["port"] = 8000

    finding = only(port_findings, broken("production", "GRPCRoute tidegate", move))
    assert (finding.problem, finding.allowed) == ("8000 is no port of the Service", "serve-grpc (9000)")


def test_a_grpc_port_other_than_that_of_the_settings_is_told(broken: Broken) -> None:
    rendered = broken(
        "production",
        RAY,
        lambda ray: change_serve(ray, lambda config: config["grpc_options"].update(port=9100)),
    )
    finding = only(port_findings, rendered)
    assert finding.allowed == "grpc_options.port: 9100"


def test_triton_listening_elsewhere_than_its_container_says_is_told(broken: Broken) -> None:
    def move(triton: Manifest) -> None:
        container = container_of(triton)
        container["args"] = [each.replace("--grpc-port=8001", "--grpc-port=9001") for each in container["args"]]

    assert only(port_findings, broken("production", TRITON, move)).allowed == "--grpc-port=9001"
