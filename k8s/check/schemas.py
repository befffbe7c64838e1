"""Holds every object against the schema of its kind: core kinds and custom resources, all in `k8s/schemas`.

What an API server knows beyond schemas is not checked here: CEL rules of custom resources, admission, quotas.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource

from k8s.check.findings import Finding
from k8s.check.objects import Manifest

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
CORE_FILE = SCHEMAS / "core.json"
CRDS_FILE = SCHEMAS / "crds.json"

CHECK = "schema"
_MANY = 12


def schema_findings(overlay: str, manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """What does not fit."""
    for manifest in manifests:
        validator = _validator(manifest.type)
        if validator is None:
            yield Finding(
                CHECK,
                overlay,
                manifest.title,
                "kind",
                f"there is no schema of {manifest.type}",
                "a kind with a schema in k8s/schemas (k8s/check/vendoring.py adds one): " + ", ".join(sorted(_kinds())),
            )
            continue
        for error in sorted(validator.iter_errors(manifest.document), key=lambda error: list(map(str, error.path))):
            yield _finding(overlay, manifest, error)


@cache
def _kinds() -> dict[str, dict[str, Any]]:
    core, crds = json.loads(CORE_FILE.read_text()), json.loads(CRDS_FILE.read_text())
    custom: dict[str, dict[str, Any]] = crds["kinds"]
    return {kind: {"$ref": f"core.json#/$defs/{name}"} for kind, name in core["kinds"].items()} | custom


@cache
def _registry() -> Registry[Any]:
    core = {"$schema": Draft202012Validator.META_SCHEMA["$id"], "$defs": json.loads(CORE_FILE.read_text())["$defs"]}
    resources: list[tuple[str, Resource[Any]]] = [("core.json", Resource.from_contents(core))]
    return Registry[Any]().with_resources(resources)


@cache
def _validator(kind: str) -> Draft202012Validator | None:
    schema = _kinds().get(kind)
    return None if schema is None else Draft202012Validator(schema, registry=_registry())


def _finding(overlay: str, manifest: Manifest, error: ValidationError) -> Finding:
    wrong = best_match([error]) or error
    path = manifest.path_of(wrong.absolute_path)
    problem, allowed = _words(wrong)
    return Finding(CHECK, overlay, manifest.title, path, problem, allowed)


def _words(error: ValidationError) -> tuple[str, str]:
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            known = set(schema.get("properties", {}))
            unknown = sorted(set(error.instance) - known)
            return f"no such field: {', '.join(unknown)}", _listed(sorted(known))
        case "required" if isinstance(error.instance, dict):
            missing = sorted(set(schema["required"]) - set(error.instance))
            return f"missing: {', '.join(missing)}", _listed(sorted(schema.get("properties", {})))
        case "enum":
            return f"{error.instance!r}", _listed([repr(each) for each in schema["enum"]])
        case "type":
            wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            told = " or ".join(each for each in wanted if each != "null")
            return f"{error.instance!r} is of the wrong type", told
        case _:
            return error.message, f"{error.validator}: {error.validator_value!r}"


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= _MANY * 3 else [*names[: _MANY * 3], f"and {len(names) - _MANY * 3} more"]
    return ", ".join(shown)
