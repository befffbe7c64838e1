"""Addresses outside the overlay ↔ ports that NetworkPolicies let their callers through to."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from k8s.check.findings import Finding
from k8s.check.references.addresses import host_of
from k8s.check.rendering import Rendered
from k8s.connections import RAY, Outside, Role, by_role
from tidegate.serving.settings import Settings

CHECK = "network"

_STANDARD_PORT = {Outside.REDIS: 6379, Outside.COLLECTOR: 4317}


def reach_findings(rendered: Rendered, settings: Settings) -> Iterator[Finding]:
    """Ports that callers connect to and may not. Overlays without policies are left alone."""
    if not rendered.of("NetworkPolicy"):
        return
    edges = by_role()
    for owner, field, address, callers, outside in _called(rendered, settings):
        for one in address.split(","):
            port = _port(one, outside)
            shut = [
                role
                for role in callers
                if not any(_holds(ports.first, ports.last, port) for ports in edges[role].egress.get(outside, ()))
            ]
            if shut:
                told = ", ".join(sorted({str(each.first) for role in shut for each in edges[role].egress[outside]}))
                problem = f"port {port} of {outside} is closed to {', '.join(shut)}"
                allowed = f"{told}; or the port in k8s/connections.py, and python -m k8s.generate"
                yield Finding(CHECK, rendered.name, owner, field, problem, allowed)


def _called(rendered: Rendered, settings: Settings) -> Iterator[tuple[str, str, str, tuple[Role, ...], Outside]]:
    """Where it is said, the address, and who connects to it. PostgreSQL's are in Secrets, which nobody sees here."""
    features = settings.features
    if features.online_store == "redis":
        readers = (Role.STAGES, Role.SIGNALS, Role.FEATURES_JOB)
        yield "settings.yaml", "features.redis_address", features.redis_address, readers, Outside.REDIS
    if settings.telemetry.endpoint:
        callers = tuple(each for each in RAY if each is not Role.HEAD)
        yield "settings.yaml", "telemetry.endpoint", settings.telemetry.endpoint, callers, Outside.COLLECTOR
    for ray in rendered.of("RayService"):
        options: dict[str, Any] = ray.spec["rayClusterConfig"].get("gcsFaultToleranceOptions") or {}
        if address := options.get("redisAddress"):
            field = "spec.rayClusterConfig.gcsFaultToleranceOptions.redisAddress"
            yield ray.title, field, address, (Role.HEAD,), Outside.REDIS


def _port(address: str, outside: Outside) -> int:
    return urlsplit(address if "://" in address else f"//{host_of(address)}").port or _STANDARD_PORT[outside]


def _holds(first: int, last: int, port: int) -> bool:
    return first <= port <= max(first, last)
