"""Reading a policy document: strict YAML or the canonical JSON that the ledger keeps, and the digest of the latter."""

import hashlib
import json
import re
from collections.abc import Hashable
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tidegate.policy.problems import PolicyError, Problem, problems_of

Model = TypeVar("Model", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """YAML without its traps: a repeated key is an error, and `NO` is Norway, not false."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    mapping: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not a text", key_node.start_mark)
        if key in mapping:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is repeated", key_node.start_mark)
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


# YAML 1.1 reads yes, no, on, off, 1:30 and 2026-01-01 as booleans, sexagesimal numbers and dates. Only the scalars of
# YAML 1.2's core schema remain.
_StrictLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]+", "-+0123456789"),
    ("null", r"~|null|", "~n\0"),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first, ""])
_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(text: str, *, file: str) -> Any:
    """Plain data from YAML text.

    Raises:
        PolicyError: It is not YAML, or a key is repeated.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - derived from SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise PolicyError([Problem(file, "", f"{where}{error.problem}")]) from error
    except yaml.YAMLError as error:
        raise PolicyError([Problem(file, "", "is not YAML text")]) from error


def validated(data: object, model: type[Model], *, file: str) -> Model:
    """The model that the data fits.

    Raises:
        PolicyError: It does not fit; every misfit is named.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise PolicyError(problems_of(error, model, data, file=file)) from error


def canonical(document: BaseModel) -> str:
    """The document as JSON with sorted keys and no whitespace. Defaults are written out, absent values are not.

    Writing defaults out keeps an old document's meaning when a default changes.
    """
    data = document.model_dump(mode="json", exclude_none=True)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(canonical_json: str) -> str:
    """SHA-256 of a canonical document, 64 hex digits."""
    return hashlib.sha256(canonical_json.encode()).hexdigest()
