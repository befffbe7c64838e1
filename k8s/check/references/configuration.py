"""Configuration ↔ settings and code: files, variables, volumes and commands that manifests name exist."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from k8s.check.findings import Finding
from k8s.check.objects import Container, Manifest, Pod
from k8s.check.references.addresses import address_findings
from k8s.check.references.needs import NEEDS, needed
from k8s.check.references.reach import reach_findings
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered
from k8s.connections import Role
from k8s.generate import without_environment
from tidegate.cli.main import main as tidegate
from tidegate.serving.ray_environment import IN_PODS, STABLE
from tidegate.serving.settings import BANKS_DSN, LEDGER_DSN, Settings, SettingsError, load_settings

CHECK = "configuration"
COMPONENT = "app.kubernetes.io/component"
"""The label that says what a pod is."""

_STORES = {str(Role.ROUTER): ("ledger", "banks"), str(Role.STAGES): ("banks",), str(Role.SIGNALS): ("ledger",)}
"""Sections of the settings whose database a pod of Ray's uses: as `k8s.connections` has it."""

_BESIDE_SETTINGS = {"TIDEGATE_CONFIG", LEDGER_DSN, BANKS_DSN}


def configuration_findings(rendered: Rendered) -> Iterator[Finding]:
    """Configuration that nothing reads, and what is read and not there."""
    settings = _settings(rendered)
    if isinstance(settings, Finding):
        yield settings
        return
    held = _held(rendered)
    yield from address_findings(rendered, settings)
    yield from reach_findings(rendered, settings)
    for pod in pods_of(rendered):
        yield from _volumes(rendered, pod, held)
        for container in pod.containers():
            yield from _variables(rendered, container, held)
            yield from _mounts(rendered, container)
            yield from _command(rendered, container)
            yield from _databases(rendered, container, settings, held)
        if pod.owner.kind == "RayService":
            yield from _ray(rendered, pod.main())
    for ray in rendered.of("RayService"):
        options = ray.spec["rayClusterConfig"].get("gcsFaultToleranceOptions") or {}
        reference = (options.get("redisPassword") or {}).get("valueFrom", {}).get("secretKeyRef")
        if reference:
            where = "spec.rayClusterConfig.gcsFaultToleranceOptions.redisPassword"
            yield from _missing(rendered, ray, where, "Secret", reference, held)


def _settings(rendered: Rendered) -> Settings | Finding:
    for each in rendered.of("ConfigMap"):
        if "settings.yaml" in each.document.get("data", {}):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, without_environment():
                file.write(each.document["data"]["settings.yaml"])
                file.flush()
                try:
                    return load_settings(Path(file.name))
                except SettingsError as error:
                    told = f"`tidegate --config {rendered.directory / 'settings.yaml'} check-config` shows every key"
                    return Finding(CHECK, rendered.name, each.title, "data[settings.yaml]", str(error), told)
    return Finding(CHECK, rendered.name, "overlay", "ConfigMap", "no settings.yaml", "a ConfigMap with settings.yaml")


def _held(rendered: Rendered) -> dict[tuple[str, str], set[str] | None]:
    """Keys by kind and name, of what is rendered and what the overlay says that the cluster brings."""
    held: dict[tuple[str, str], set[str] | None] = {}
    for each in rendered.of("ConfigMap", "Secret"):
        held[each.kind, each.name] = set(each.document.get("data") or ()) | set(each.document.get("stringData") or ())
    for each in rendered.of("PersistentVolumeClaim", "ServiceAccount"):
        held[each.kind, each.name] = None
    for need in needed(rendered):
        held[need["kind"], need["name"]] = set(need["keys"]) if "keys" in need else None
    return held


def _missing(  # noqa: PLR0917 - what is missing, where, and what there is
    rendered: Rendered, owner: Manifest, where: str, kind: str, named: dict[str, Any], held: dict[tuple[str, str], Any]
) -> Iterator[Finding]:
    name, key = named["name"], named.get("key")
    keys = held.get((kind, name), ())
    if (kind, name) not in held:
        there = ", ".join(sorted(each for sort, each in held if sort == kind)) or "none"
        problem, allowed = f"there is no {kind} {name}", f"{there}; what the cluster brings is named in {NEEDS}"
        yield Finding(CHECK, rendered.name, owner.title, where, problem, allowed)
    elif key is not None and keys is not None and key not in keys:
        problem = f"{kind} {name} has no key {key}"
        yield Finding(CHECK, rendered.name, owner.title, where, problem, ", ".join(sorted(keys)))


def _volumes(rendered: Rendered, pod: Pod, held: dict[tuple[str, str], Any]) -> Iterator[Finding]:
    account = {"name": pod.spec.get("serviceAccountName", "default")}
    yield from _missing(rendered, pod.owner, f"{pod.path}.spec.serviceAccountName", "ServiceAccount", account, held)
    for volume in pod.spec.get("volumes") or ():
        where = f"{pod.path}.spec.volumes[{volume['name']}]"
        if "configMap" in volume:
            yield from _missing(rendered, pod.owner, where, "ConfigMap", volume["configMap"], held)
        if "secret" in volume and not volume["secret"].get("optional"):
            yield from _missing(rendered, pod.owner, where, "Secret", {"name": volume["secret"]["secretName"]}, held)
        if "persistentVolumeClaim" in volume:
            claim = {"name": volume["persistentVolumeClaim"]["claimName"]}
            yield from _missing(rendered, pod.owner, where, "PersistentVolumeClaim", claim, held)


def _variables(rendered: Rendered, container: Container, held: dict[tuple[str, str], Any]) -> Iterator[Finding]:
    owner = container.pod.owner
    for name, entry in container.environment():
        where = f"{container.path}.env[{name}]"
        if name.startswith("TIDEGATE_") and name not in _BESIDE_SETTINGS and not _is_setting(name):
            allowed = f"{', '.join(sorted(_BESIDE_SETTINGS))}, or TIDEGATE_SECTION__KEY of the settings"
            yield Finding(CHECK, rendered.name, owner.title, where, "no setting has this name", allowed)
        source = entry.get("valueFrom") or {}
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if field in source:
                yield from _missing(rendered, owner, where, kind, source[field], held)
    for each in container.document.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in each and not each[field].get("optional"):
                yield from _missing(rendered, owner, f"{container.path}.envFrom", kind, each[field], held)


def _is_setting(variable: str) -> bool:
    model: Any = Settings
    for step in variable.removeprefix("TIDEGATE_").lower().split("__"):
        fields = getattr(model, "model_fields", {})
        if step not in fields:
            return False
        model = fields[step].annotation
    return True


def _mounts(rendered: Rendered, container: Container) -> Iterator[Finding]:
    volumes = {each["name"] for each in container.pod.spec.get("volumes") or ()}
    paths = []
    for mount in container.document.get("volumeMounts") or ():
        paths.append(mount["mountPath"])
        if mount["name"] not in volumes:
            where = f"{container.path}.volumeMounts[{mount['name']}]"
            problem = f"there is no volume {mount['name']}"
            yield Finding(
                CHECK, rendered.name, container.pod.owner.title, where, problem, ", ".join(sorted(volumes)) or "none"
            )
    for name, entry in container.environment():
        if name == "TIDEGATE_CONFIG" and str(Path(entry["value"]).parent) not in paths:
            where, problem = f"{container.path}.env[{name}]", f"nothing is mounted at {Path(entry['value']).parent}"
            yield Finding(CHECK, rendered.name, container.pod.owner.title, where, problem, ", ".join(paths))


def _databases(
    rendered: Rendered, container: Container, settings: Settings, held: dict[tuple[str, str], Any]
) -> Iterator[Finding]:
    """Who needs a database finds the file that names it: `ledger.dsn_file`, `banks.dsn_file`."""
    stores = () if container.first else _STORES.get(container.pod.labels.get(COMPONENT, ""), ())
    if container.document.get("command") == ["tidegate"]:
        stores = tuple(each for each in ("ledger", "banks") if each in (container.document.get("args") or ())[:1])
    there = sorted(_secret_files(container, held))
    for store in stores:
        file: Path | None = getattr(settings, store).dsn_file
        if file is not None and not any(file.match(each) for each in there):
            where, problem = f"{container.path}.volumeMounts", f"{store}.dsn_file is {file}, which no Secret gives"
            yield Finding(CHECK, rendered.name, container.pod.owner.title, where, problem, ", ".join(there) or "none")


def _secret_files(container: Container, held: dict[tuple[str, str], Any]) -> Iterator[str]:
    """Files that mounted Secrets give. Of a Secret that there is not, which is told elsewhere, whatever is wanted."""
    volumes = {each["name"]: each.get("secret") for each in container.pod.spec.get("volumes") or ()}
    for mount in container.document.get("volumeMounts") or ():
        if secret := volumes.get(mount["name"]):
            keys = held.get(("Secret", secret["secretName"]))
            items = secret.get("items") or [{"key": key, "path": key} for key in keys or ()]
            files = ["*"] if keys is None else [each["path"] for each in items if each["key"] in keys]
            yield from (f"{mount['mountPath']}/{each}" for each in files)


def _command(rendered: Rendered, container: Container) -> Iterator[Finding]:
    """A container that runs `tidegate` runs a command that there is, with options that it has."""
    if container.document.get("command") != ["tidegate"]:
        return
    where, arguments = f"{container.path}.args", [str(each) for each in container.document.get("args") or ()]
    command: click.Command = tidegate
    context = click.Context(tidegate, info_name="tidegate")
    try:
        while isinstance(command, click.Group) and arguments:
            name, found, arguments = command.resolve_command(context, arguments)
            assert found is not None
            command, context = found, click.Context(found, info_name=name, parent=context)
        command.parse_args(context, arguments)
    except click.UsageError as error:
        told = context.command_path
        offered = ", ".join(command.list_commands(context)) if isinstance(command, click.Group) else f"{told} --help"
        yield Finding(CHECK, rendered.name, container.pod.owner.title, where, error.format_message(), offered)


def _ray(rendered: Rendered, container: Container) -> Iterator[Finding]:
    found = {name: entry.get("value") for name, entry in container.environment()}
    for name, value in (STABLE | IN_PODS).items():
        if found.get(name) != value:
            where = f"{container.path}.env[{name}]"
            problem = f"{found.get(name)!r}; tidegate.serving.ray_environment says otherwise"
            yield Finding(CHECK, rendered.name, container.pod.owner.title, where, problem, repr(value))
