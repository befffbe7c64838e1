"""Time that Envoy Gateway gives a call (component tls, envoy-gateway.yaml) ↔ time that a decision may take.

A GRPCRoute can't say it. Unless told otherwise, Envoy cuts a call 15 s after the client's end of stream
(envoyproxy/gateway#5446). The file is for that implementation alone, so no overlay renders it: it is read as it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.routes import streaming
from k8s.check.rendering import Rendered
from k8s.generate import OVERLAYS
from tidegate.serving.settings import Settings

CHECK = "timeouts"

POLICY = OVERLAYS.parent / "components/tls/envoy-gateway.yaml"
_PART = re.compile(r"(\d+)(h|ms|m|s)")
_MS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def timeout_findings(rendered: Rendered, *, file: Path = POLICY) -> Iterator[Finding]:
    """A policy for a route that is not there, and calls that it would cut."""
    routes = rendered.of("GRPCRoute")
    if not routes:
        return
    policy = Manifest(yaml.safe_load(file.read_text()))
    targets = {(each["kind"], each["name"]) for each in policy.spec["targetRefs"]}
    for route in routes:
        if ("GRPCRoute", route.name) not in targets:
            where = f"{file.name}: spec.targetRefs"
            yield Finding(CHECK, rendered.name, policy.title, where, f"{route.title} is not here", f"{route.title}")
            continue
        yield from _cut(rendered, policy, route, f"{file.name}: spec.timeout.http")


def milliseconds(text: str) -> int:
    """A duration of the Gateway API, such as `1m30s`."""
    return sum(int(number) * _MS[unit] for number, unit in _PART.findall(text))


def _cut(rendered: Rendered, policy: Manifest, route: Manifest, where: str) -> Iterator[Finding]:
    http: dict[str, Any] = (policy.spec.get("timeout") or {}).get("http") or {}
    longest = _budget_ms(rendered.of("RayService"))
    streams = streaming(route)
    asked, told = http.get("requestTimeout", "15s"), "0s, which is none"
    if streams and milliseconds(asked) != 0:
        problem = f"{asked} after its client has sent all, an answer of {', '.join(streams)} is cut"
        yield Finding(CHECK, rendered.name, policy.title, f"{where}.requestTimeout", problem, told)
    elif 0 < milliseconds(asked) <= longest:
        problem, more = f"{asked} is no longer than budget.max_ms", f"{told}, or more than {longest:g} ms"
        yield Finding(CHECK, rendered.name, policy.title, f"{where}.requestTimeout", problem, more)
    lasts = http.get("maxStreamDuration", "")
    if streams and milliseconds(lasts) != 0:
        problem = f"{lasts} after it began, a stream of {', '.join(streams)} is cut"
        yield Finding(CHECK, rendered.name, policy.title, f"{where}.maxStreamDuration", problem, told)


def _budget_ms(services: tuple[Manifest, ...]) -> float:
    applications = [one for each in services for one in yaml.safe_load(each.spec["serveConfigV2"])["applications"]]
    return max((Settings.from_payload(each["args"]["settings"]).budget.max_ms for each in applications), default=0.0)
