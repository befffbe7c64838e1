"""Routes ↔ listeners of Gateways ↔ services and methods of the contract."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from grpc_health.v1 import health_pb2

import tidegate.api.moderation.v1 as contract
from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.needs import needed
from k8s.check.rendering import Rendered

CHECK = "routes"

_ISSUERS = {"cert-manager.io/cluster-issuer": "ClusterIssuer", "cert-manager.io/issuer": "Issuer"}
"""Kinds that cert-manager's annotations name."""


def route_findings(rendered: Rendered) -> Iterator[Finding]:
    """Routes that no listener takes, or that ask for what nobody has; Gateways whose class or issuer nobody brings."""
    for gateway in rendered.of("Gateway"):
        name = gateway.spec["gatewayClassName"]
        classes = {each.name for each in rendered.of("GatewayClass")}
        classes |= {each["name"] for each in needed(rendered) if each["kind"] == "GatewayClass"}
        if name not in classes:
            problem, told = f"there is no GatewayClass {name}", ", ".join(sorted(classes)) or "none"
            allowed = f"{told}; what the cluster brings is named in needs.yaml"
            yield Finding(CHECK, rendered.name, gateway.title, "spec.gatewayClassName", problem, allowed)
        yield from _issuers(rendered, gateway)
    for route in rendered.of("GRPCRoute", "HTTPRoute"):
        for reference in route.spec.get("parentRefs") or ():
            if reference.get("kind", "Gateway") == "Gateway":
                yield from _parent(rendered, route, reference)
        if route.kind == "GRPCRoute":
            yield from _methods(rendered, route)


def _issuers(rendered: Rendered, gateway: Manifest) -> Iterator[Finding]:
    """Whom cert-manager asks for the listeners' certificates is there: https://cert-manager.io/docs/usage/gateway."""
    asked = gateway.document["metadata"].get("annotations") or {}
    for annotation, kind in _ISSUERS.items():
        name = asked.get(annotation)
        issuers = {each.name for each in rendered.of(kind)}
        issuers |= {each["name"] for each in needed(rendered) if each["kind"] == kind}
        if name is not None and name not in issuers:
            where, problem = f"metadata.annotations[{annotation}]", f"there is no {kind} {name}"
            allowed = f"{', '.join(sorted(issuers)) or 'none'}; what the cluster brings is named in needs.yaml"
            yield Finding(CHECK, rendered.name, gateway.title, where, problem, allowed)


def _parent(rendered: Rendered, route: Manifest, reference: Mapping[str, Any]) -> Iterator[Finding]:
    """The Gateway has the listener, which takes routes of this kind and at least one name for each hostname."""
    where, namespace = f"spec.parentRefs[{reference['name']}]", reference.get("namespace", route.namespace)
    gateways = {(each.namespace, each.name): each for each in rendered.of("Gateway")}
    gateway = gateways.get((namespace, reference["name"]))
    if gateway is None:
        if ("Gateway", reference["name"]) not in {(each["kind"], each["name"]) for each in needed(rendered)}:
            told = ", ".join(sorted(name for _, name in gateways)) or "none"
            allowed = f"{told}; what the cluster brings is named in needs.yaml"
            yield Finding(CHECK, rendered.name, route.title, where, f"there is no Gateway {reference['name']}", allowed)
        return
    listeners = gateway.spec["listeners"]
    section = reference.get("sectionName")
    chosen = [each for each in listeners if section in {None, each["name"]}]
    if not chosen:
        problem = f"{section} is no listener of {gateway.title}"
        told = ", ".join(each["name"] for each in listeners)
        yield Finding(CHECK, rendered.name, route.title, f"{where}.sectionName", problem, told)
        return
    kinds = [each["kind"] for one in chosen for each in (one.get("allowedRoutes") or {}).get("kinds") or ()]
    if kinds and route.kind not in kinds:
        problem = f"the listener takes no {route.kind}"
        yield Finding(CHECK, rendered.name, route.title, where, problem, ", ".join(kinds))
    for hostname in route.spec.get("hostnames") or ():
        if not any(_common(hostname, each.get("hostname")) for each in chosen):
            problem = f"{hostname} is no name of a listener of {gateway.title}"
            told = ", ".join(each["hostname"] for each in chosen)
            yield Finding(CHECK, rendered.name, route.title, f"spec.hostnames[{hostname}]", problem, told)


def _common(one: str, other: str | None) -> bool:
    """Whether two names, of which either may begin with `*.`, have a host in common. A listener without one has all."""
    if other is None or one == other:
        return True
    return _under(one, other) or _under(other, one)


def _under(name: str, wildcard: str) -> bool:
    return wildcard.startswith("*.") and name.removeprefix("*").endswith(wildcard[1:])


def _methods(rendered: Rendered, route: Manifest) -> Iterator[Finding]:
    known = services()
    for number, rule in enumerate(route.spec.get("rules") or ()):
        for place, match in enumerate(rule.get("matches") or ()):
            wanted = match.get("method") or {}
            where = f"spec.rules[{number}].matches[{place}].method"
            service, method = wanted.get("service"), wanted.get("method")
            pattern = wanted.get("type") == "RegularExpression"
            found = [each for each in known if _fits(each, service, pattern=pattern)]
            if not found:
                problem = f"no proto has a service {service}"
                yield Finding(CHECK, rendered.name, route.title, f"{where}.service", problem, ", ".join(sorted(known)))
                continue
            methods = {name for each in found for name in known[each]}
            if not any(_fits(each, method, pattern=pattern) for each in methods):
                problem = f"{', '.join(found)} has no method {method}"
                yield Finding(CHECK, rendered.name, route.title, f"{where}.method", problem, ", ".join(sorted(methods)))


def _fits(name: str, wanted: str | None, *, pattern: bool) -> bool:
    return wanted is None or (re.fullmatch(wanted, name) is not None if pattern else wanted == name)


def streaming(route: Manifest) -> tuple[str, ...]:
    """Methods with a stream, `Service.Method`, that a GRPCRoute lets in. A rule without a match lets in all."""
    found: set[str] = set()
    for rule in route.spec.get("rules") or ():
        for each in rule.get("matches") or [{}]:
            wanted = each.get("method") or {}
            pattern = wanted.get("type") == "RegularExpression"
            found |= {
                f"{service.rpartition('.')[2]}.{method}"
                for service, methods in _streams().items()
                for method in methods
                if _fits(service, wanted.get("service"), pattern=pattern)
                and _fits(method, wanted.get("method"), pattern=pattern)
            }
    return tuple(sorted(found))


@cache
def services() -> dict[str, tuple[str, ...]]:
    """Methods by full name of service: those of the contract, and gRPC's own health."""
    return {
        service.full_name: tuple(method.name for method in service.methods)
        for file in _files()
        for service in file.services_by_name.values()
    }


@cache
def _streams() -> dict[str, tuple[str, ...]]:
    """Of these, those that stream either way."""
    return {
        service.full_name: tuple(
            method.name for method in service.methods if method.client_streaming or method.server_streaming
        )
        for file in _files()
        for service in file.services_by_name.values()
    }


def _files() -> list[Any]:
    files = [
        importlib.import_module(f"{contract.__name__}.{each.name}").DESCRIPTOR
        for each in pkgutil.iter_modules(contract.__path__)
        if each.name.endswith("_pb2")
    ]
    return [*files, health_pb2.DESCRIPTOR]
