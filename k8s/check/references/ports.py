"""Ports ↔ containers ↔ probes ↔ Services ↔ routes ↔ what the processes listen on."""

from collections.abc import Iterator
from typing import Any

import yaml

from k8s.check.findings import Finding
from k8s.check.objects import Container, Manifest, Pod
from k8s.check.references.selectors import pods_of, selected
from k8s.check.rendering import Rendered

CHECK = "ports"


def port_findings(rendered: Rendered) -> Iterator[Finding]:
    """Ports that lead nowhere."""
    pods = pods_of(rendered)
    for service in rendered.of("Service"):
        for port in service.spec.get("ports") or ():
            yield from _service_port(rendered, service, port, pods)
    for pod in pods:
        for container in pod.containers():
            yield from _probes(rendered, container)
    for monitor in rendered.of("PodMonitor"):
        yield from _monitor(rendered, monitor, pods)
    services = {each.name: each for each in rendered.of("Service")}
    for route in rendered.of("GRPCRoute", "HTTPRoute"):
        yield from _route(rendered, route, services)
    yield from _grpc(rendered, pods)
    yield from _triton(rendered, pods)


def _service_port(rendered: Rendered, service: Manifest, port: dict[str, Any], pods: list[Pod]) -> Iterator[Finding]:
    target = port.get("targetPort", port["port"])
    for pod in selected({"matchLabels": service.spec["selector"]}, pods):
        ports = {name: number for each in pod.containers() for name, number in each.ports.items()}
        if target not in ports and target not in ports.values():
            where = f"spec.ports[{port.get('name', port['port'])}].targetPort"
            problem = f"{target} is no port of {pod.owner.title} {pod.group}".rstrip()
            yield Finding(CHECK, rendered.name, service.title, where, problem, _listed(ports))
        elif service.spec.get("clusterIP") == "None" and ports.get(target, target) != port["port"]:
            where = f"spec.ports[{port.get('name', port['port'])}].port"
            problem = f"{port['port']} is not where the pods listen, and a headless Service translates nothing"
            yield Finding(CHECK, rendered.name, service.title, where, problem, _listed(ports))


def _probes(rendered: Rendered, container: Container) -> Iterator[Finding]:
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        document = container.document.get(probe) or {}
        for kind in ("httpGet", "grpc", "tcpSocket"):
            if kind not in document:
                continue
            port = document[kind]["port"]
            if port not in container.ports and port not in container.ports.values():
                where = f"{container.path}.{probe}.{kind}.port"
                problem = f"{port} is no port of the container"
                yield Finding(CHECK, rendered.name, container.pod.owner.title, where, problem, _listed(container.ports))


def _monitor(rendered: Rendered, monitor: Manifest, pods: list[Pod]) -> Iterator[Finding]:
    for pod in selected(monitor.spec["selector"], pods):
        ports = {name: number for each in pod.containers() for name, number in each.ports.items()}
        for endpoint in monitor.spec.get("podMetricsEndpoints") or ():
            if endpoint["port"] not in ports:
                problem = f"{endpoint['port']} is no port of {pod.owner.title} {pod.group}".rstrip()
                yield Finding(CHECK, rendered.name, monitor.title, "spec.podMetricsEndpoints", problem, _listed(ports))


def _route(rendered: Rendered, route: Manifest, services: dict[str, Manifest]) -> Iterator[Finding]:
    for number, rule in enumerate(route.spec.get("rules") or ()):
        for backend in rule.get("backendRefs") or ():
            service = services.get(backend["name"])
            where = f"spec.rules[{number}].backendRefs[{backend['name']}]"
            if service is None:
                problem = "there is no such Service"
                yield Finding(CHECK, rendered.name, route.title, where, problem, ", ".join(sorted(services)))
            elif backend.get("port") not in {port["port"] for port in service.spec["ports"]}:
                offered = _listed({port["name"]: port["port"] for port in service.spec["ports"]})
                problem = f"{backend.get('port')} is no port of the Service"
                yield Finding(CHECK, rendered.name, route.title, where, problem, offered)


def _grpc(rendered: Rendered, pods: list[Pod]) -> Iterator[Finding]:
    """The gRPC port that Serve is told of is the one that containers, probes and Services name."""
    for ray in rendered.of("RayService"):
        config = yaml.safe_load(ray.spec["serveConfigV2"])
        told = config["grpc_options"]["port"]
        for pod in pods:
            port = pod.main().ports.get("serve-grpc")
            if pod.owner.kind == "RayService" and port is not None and port != told:
                where = f"{pod.main().path}.ports[serve-grpc]"
                yield Finding(CHECK, rendered.name, ray.title, where, f"{port}", f"grpc_options.port: {told}")


def _triton(rendered: Rendered, pods: list[Pod]) -> Iterator[Finding]:
    """Triton listens where its container says."""
    for pod in pods:
        arguments = dict(
            each.removeprefix("--").split("=", 1) for each in pod.main().document.get("args") or () if "=" in each
        )
        for name in ("grpc", "http", "metrics"):
            listens, told = arguments.get(f"{name}-port"), pod.main().ports.get(name)
            if listens is not None and listens != str(told):
                where = f"{pod.main().path}.ports[{name}]"
                yield Finding(CHECK, rendered.name, pod.owner.title, where, f"{told}", f"--{name}-port={listens}")


def _listed(ports: dict[str, int]) -> str:
    return ", ".join(f"{name} ({number})" for name, number in ports.items()) or "none"
