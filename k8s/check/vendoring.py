"""Takes the schemas of the kinds that our manifests use out of what their projects publish: `k8s/schemas/*.json`.

    python -m k8s.check.vendoring --core DIRECTORY --crds DIRECTORY

`--core` is `kubernetes-json-schema/vX.Y.Z-local-strict` of the PyPI package `kubernetes-validate` (Apache-2.0), and
`--crds` a folder of CustomResourceDefinitions. Descriptions are left out, which makes them a tenth of the size. Objects
are closed, as an API server's strict field validation has it: an unknown field is an error.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from k8s.check.rendering import LOADER
from k8s.check.schemas import CORE_FILE, CRDS_FILE

CORE_KINDS = {
    "v1 ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "v1 Namespace": "io.k8s.api.core.v1.Namespace",
    "v1 PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
    "v1 Secret": "io.k8s.api.core.v1.Secret",
    "v1 Service": "io.k8s.api.core.v1.Service",
    "v1 ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
    "apps/v1 DaemonSet": "io.k8s.api.apps.v1.DaemonSet",
    "apps/v1 Deployment": "io.k8s.api.apps.v1.Deployment",
    "apps/v1 StatefulSet": "io.k8s.api.apps.v1.StatefulSet",
    "autoscaling/v2 HorizontalPodAutoscaler": "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "batch/v1 CronJob": "io.k8s.api.batch.v1.CronJob",
    "batch/v1 Job": "io.k8s.api.batch.v1.Job",
    "networking.k8s.io/v1 NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "policy/v1 PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1 ClusterRole": "io.k8s.api.rbac.v1.ClusterRole",
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding": "io.k8s.api.rbac.v1.ClusterRoleBinding",
    "rbac.authorization.k8s.io/v1 Role": "io.k8s.api.rbac.v1.Role",
    "rbac.authorization.k8s.io/v1 RoleBinding": "io.k8s.api.rbac.v1.RoleBinding",
}
"""Definition by `apiVersion kind`. A kind that is missing here is added, and this is run again."""

_REFERENCE = "/api/_definitions.json#/$defs/"
_OURS = "#/$defs/"


def core_schemas(directory: Path) -> dict[str, Any]:
    """The chosen kinds with every definition that they reach."""
    definitions: dict[str, Any] = json.loads((directory / "_definitions.json").read_text())["$defs"]
    kept: dict[str, Any] = {}
    waiting = list(CORE_KINDS.values())
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = _without_descriptions(definitions[name])
            waiting += [reference.removeprefix(_OURS) for reference in _references(kept[name])]
    return {
        "source": f"kubernetes-validate (PyPI), {directory.name}",
        "licence": "Apache-2.0",
        "kinds": CORE_KINDS,
        "$defs": dict(sorted(kept.items())),
    }


def crd_schemas(directory: Path) -> dict[str, Any]:
    """Every served version of every CustomResourceDefinition of a folder, newest API version first."""
    kinds: dict[str, Any] = {}
    for path in sorted(directory.glob("*.yaml")):
        definition = yaml.load(path.read_text(), Loader=LOADER)["spec"]  # noqa: S506 - a safe one
        newest = next(version for version in definition["versions"] if version["served"])
        kind = f"{definition['group']}/{newest['name']} {definition['names']['kind']}"
        schema = _closed(_without_descriptions(newest["schema"]["openAPIV3Schema"]))
        schema["properties"]["metadata"] = {"$ref": "core.json#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
        kinds[kind] = schema
    return {
        "source": "CustomResourceDefinitions of kuberay, gateway-api, keda and prometheus-operator: see README.md",
        "licence": "Apache-2.0",
        "kinds": kinds,
    }


def _without_descriptions(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {
            key: value.replace(_REFERENCE, _OURS) if key == "$ref" else _without_descriptions(value)
            for key, value in node.items()
            if not (key == "description" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [_without_descriptions(each) for each in node]
    return node


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _closed(schema: Any) -> Any:
    """A structural schema as plain JSON Schema: objects closed, `int-or-string` spelled out."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed(value) for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if isinstance(schema.get("properties"), Mapping):
        closed["properties"] = {name: _closed(value) for name, value in schema["properties"].items()}
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), Mapping) and not open_ended:
        closed["additionalProperties"] = False
    return closed


def text_of(schemas: dict[str, Any]) -> str:
    """As it is kept."""
    return json.dumps(schemas, separators=(",", ":"), sort_keys=True) + "\n"


def main() -> int:
    """Writes both files."""
    parser = argparse.ArgumentParser(prog="python -m k8s.check.vendoring", description=__doc__)
    parser.add_argument("--core", type=Path, required=True)
    parser.add_argument("--crds", type=Path, required=True)
    options = parser.parse_args()
    for path, schemas in ((CORE_FILE, core_schemas(options.core)), (CRDS_FILE, crd_schemas(options.crds))):
        path.write_text(text_of(schemas))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
