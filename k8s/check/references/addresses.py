"""Addresses ↔ Services that there are, and the same address wherever one thing is named twice."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from k8s.check.findings import Finding
from k8s.check.objects import Container
from k8s.check.references.needs import NEEDS, needed
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered
from tidegate.serving.settings import BANKS_DSN, LEDGER_DSN, Settings

CHECK = "addresses"

_STANDARD = {"OTEL_EXPORTER_OTLP_ENDPOINT": "telemetry.endpoint"}
"""Variables that settings know beside `TIDEGATE_SECTION__KEY`."""
_OPTIONS = {"--redis": "features.redis_address"}
"""Options of our commands that name what a setting names, too."""
_DSNS = {LEDGER_DSN: "ledger.dsn_file", BANKS_DSN: "banks.dsn_file"}


def address_findings(rendered: Rendered, settings: Settings) -> Iterator[Finding]:
    """Addresses in the settings that lead nowhere, and others than those for the same thing."""
    named = _named(settings)
    for key, address in named.items():
        if leads_nowhere(rendered, address, "tidegate"):
            problem = f"{host_of(address)} is no Service of this overlay"
            there = sorted(each.replace(".tidegate:", ":") for each in _services(rendered))
            allowed = f"{', '.join(there)}; what the cluster brings is named in {NEEDS}"
            if key.startswith("telemetry."):
                allowed += "; component otel brings the Collectors; without them leave this setting out"
            yield Finding(CHECK, rendered.name, "settings.yaml", key, problem, allowed)
    for pod in pods_of(rendered):
        for container in pod.containers():
            yield from _variables(rendered, container, named)
            yield from _options(rendered, container, named)
    yield from _databases(rendered, settings)


def _named(settings: Settings) -> dict[str, str]:
    """Addresses that the settings use, by key."""
    named = {"triton.address": settings.triton.address}
    if settings.features.online_store == "redis":
        named["features.redis_address"] = settings.features.redis_address
    for key in ("endpoint", "triton_endpoint"):
        if url := getattr(settings.telemetry, key):
            named[f"telemetry.{key}"] = url
    return named


def host_of(address: str) -> str:
    """`HOST:PORT` of an address or a URL; of a Redis the first, without the options that may follow."""
    return urlsplit(address if "://" in address else f"//{address.partition(',')[0]}").netloc


def leads_nowhere(rendered: Rendered, address: str, namespace: str) -> bool:
    """Whether an address is that of a Service, as a pod of this namespace says it, and there is no such Service.

    `NAME`, `NAME.NAMESPACE` and `NAME.NAMESPACE.svc…` are Services; longer names are somebody else's to know. The port
    of a Service that the overlay only needs is not known.
    """
    url = urlsplit(f"//{host_of(address)}")
    name, place, *more = [*(url.hostname or "").split("."), "", ""]
    if ":" in name or (more[0] and more[0] != "svc"):
        return False
    place = place or namespace
    needs = (each for each in needed(rendered) if each["kind"] == "Service")
    brought = {(each["name"], each.get("namespace", namespace)) for each in needs}
    return f"{name}.{place}:{url.port}" not in _services(rendered) and (name, place) not in brought


def _services(rendered: Rendered) -> set[str]:
    """`NAME.NAMESPACE:PORT` of all Services."""
    return {
        f"{each.name}.{each.namespace}:{port['port']}"
        for each in rendered.of("Service")
        for port in each.spec.get("ports") or ()
    }


def _variables(rendered: Rendered, container: Container, named: Mapping[str, str]) -> Iterator[Finding]:
    """A variable wins over the settings' file, for that container alone."""
    keys = {f"TIDEGATE_{key.upper().replace('.', '__')}": key for key in named} | _STANDARD
    for name, entry in container.environment():
        key, value = keys.get(name, ""), _value(rendered, entry)
        if key in named and value is not None and value != named[key]:
            yield _differs(rendered, container, f"env[{name}]", value, key, named)


def _options(rendered: Rendered, container: Container, named: Mapping[str, str]) -> Iterator[Finding]:
    arguments = [str(each) for each in container.document.get("args") or ()]
    for option, following in pairwise([*arguments, ""]):
        name, joined, value = option.partition("=")
        if name in _OPTIONS and _OPTIONS[name] in named:
            key, given = _OPTIONS[name], _expanded(rendered, container, value if joined else following)
            hosts, right = (
                [each for each in told.split(",") if "=" not in each]  # then come ssl=true and the like
                for told in (given, named[key])
            )
            if hosts != right:
                yield _differs(rendered, container, f"args {name}", ",".join(hosts), key, named)


def _differs(  # noqa: PLR0917 - what differs, where, and from what
    rendered: Rendered, container: Container, where: str, value: str, key: str, named: Mapping[str, str]
) -> Finding:
    problem = f"{value or 'nothing'}; the settings say otherwise ({key})"
    return Finding(CHECK, rendered.name, container.pod.owner.title, f"{container.path}.{where}", problem, named[key])


def _expanded(rendered: Rendered, container: Container, text: str) -> str:
    """With `$(NAME)` replaced, as a kubelet does. What only the cluster knows stays as it is."""
    values = {name: _value(rendered, entry) for name, entry in container.environment()}
    return re.sub(r"\$\((\w+)\)", lambda found: values.get(found.group(1)) or found.group(), text)


def _value(rendered: Rendered, entry: Mapping[str, Any]) -> str | None:
    """What a variable is set to; None if only the cluster knows."""
    if "value" in entry:
        return str(entry["value"])
    reference = (entry.get("valueFrom") or {}).get("configMapKeyRef") or {}
    found = (each.document.get("data") or {} for each in rendered.of("ConfigMap") if each.name == reference.get("name"))
    return next((data[reference["key"]] for data in found if reference["key"] in data), None)


def _databases(rendered: Rendered, settings: Settings) -> Iterator[Finding]:
    """One database for all: its file comes from one Secret everywhere, and no variable names another.

    Of a Secret that there is not it is told elsewhere.
    """
    there = {each["name"] for each in needed(rendered) if each["kind"] == "Secret"}
    there |= {each.name for each in rendered.of("Secret")}
    for variable, key in _DSNS.items():
        file = getattr(settings, key.partition(".")[0]).dsn_file
        if file is None:
            continue
        sources: dict[str, list[Container]] = {}
        for container in (each for pod in pods_of(rendered) for each in pod.containers()):
            volumes = {each["name"]: each.get("secret") for each in container.pod.spec.get("volumes") or ()}
            for mount in container.document.get("volumeMounts") or ():
                if mount["mountPath"] == str(file.parent) and volumes.get(mount["name"]):
                    sources.setdefault(volumes[mount["name"]]["secretName"], []).append(container)
            for name, _ in container.environment():
                if name == variable:
                    where, problem = f"{container.path}.env[{name}]", f"the settings name a file ({key}), and this wins"
                    yield Finding(CHECK, rendered.name, container.pod.owner.title, where, problem, f"{file} alone")
        sources = {name: mounted for name, mounted in sources.items() if name in there}
        most = max(sources, key=lambda name: len(sources[name]), default="")
        for name in sorted(set(sources) - {most}):
            for container in sources[name]:
                where, problem = f"{container.path}.volumeMounts", f"{key} comes from Secret {name} here alone"
                yield Finding(CHECK, rendered.name, container.pod.owner.title, where, problem, most)
