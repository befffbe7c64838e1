"""What is wrong with a policy, said to the person who wrote it: file, place in the document, what is allowed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_ENUM_REPR = re.compile(r"<\w+\.\w+: ('\w+')>")
TAG = "~"
"""First letter of the tags that tell alternatives of a union apart: no part of a path that people see."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    file: str
    """Name of the file."""
    path: str
    """Where in the document, for example `rules[2].detects.label`; empty for the document as a whole."""
    message: str
    """What is wrong and what is allowed."""

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message}" if self.path else f"{self.file}: {self.message}"


class PolicyError(Exception):
    """A policy can't be used. Holds every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def path_of(location: Sequence[str | int], document: object) -> str:
    """`("rules", 2, "detects")` as `rules[2] (hate_likely).detects`: places in lists carry the id that people know.

    Pydantic's location also names which alternative of a union it tried; those steps are not places in the document.
    """
    path, node = "", document
    for step in location:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list | tuple) and step < len(node) else None
            name = (node.get("id") or node.get("name")) if isinstance(node, dict) else None
            path += f"[{step}] ({name})" if isinstance(name, str) else f"[{step}]"
        elif isinstance(node, dict) and "[" not in step and not step.startswith(TAG):
            node = node.get(step)
            path += f".{step}" if path else step
    return path


_WORDS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known key; allowed here: {keys}",
    "enum": "{got} is not allowed; allowed: {expected}",
    "literal_error": "{got} is not allowed; allowed: {expected}",
    "greater_than_equal": "{got} is out of range; at least {ge}",
    "greater_than": "{got} is out of range; more than {gt}",
    "less_than_equal": "{got} is out of range; at most {le}",
    "int_type": "{got} is not a whole number",
    "float_type": "{got} is not a number",
    "bool_type": "{got} is neither true nor false",
    "string_type": "{got} is not a text; put it in quotes if it is meant as one",
    "string_pattern_mismatch": "{got} is not a valid name; it must match {pattern}",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_too_long": "is too long; at most {max_length} characters",
    "model_type": "{got} is not a mapping of keys to values",
    "dict_type": "{got} is not a mapping of keys to values",
    "tuple_type": "{got} is not a list",
    "list_type": "{got} is not a list",
}
"""In the policy writer's words, by Pydantic's error type."""


def problems_of(error: ValidationError, model: type[BaseModel], data: object, *, file: str) -> list[Problem]:
    """Everything that keeps the data from fitting the model."""
    # Pydantic also calls a list too short if its only entry is wrong.
    wrong = [one for one in error.errors() if one["type"] != "too_short" or not one["input"]]
    return [Problem(file, path_of(one["loc"], data), message_of(one, model)) for one in wrong]


def message_of(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One validation error in the policy writer's words, with what is allowed."""
    words = _WORDS.get(error["type"])
    if words is None:
        return error["msg"].removeprefix("Value error, ")
    context: dict[str, Any] = dict(error.get("ctx", {}))
    context["expected"] = _ENUM_REPR.sub(r"\1", str(context.get("expected", "")))
    keys = ", ".join(keys_at(model, error["loc"][:-1]))
    return words.format_map({**context, "got": _shown(error["input"]), "keys": keys})


def _shown(value: object) -> str:
    text = repr(str(value)) if isinstance(value, StrEnum) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - fits a line of a terminal


def keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Keys allowed at a place, by walking the JSON schema: the only description that knows every alternative."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    node: dict[str, Any] = _container(schema, definitions)
    for step in location:
        if isinstance(step, int):
            node = _container(node.get("items", {}), definitions)
        elif not step.startswith(TAG):
            anything = [*node.get("patternProperties", {}).values(), node.get("additionalProperties") or {}]
            node = _container(node.get("properties", {}).get(step) or anything[0], definitions)
    return sorted(node.get("properties", {}))


def _container(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The alternative of a node that has places in it: a mapping or a list. Empty if none has."""
    if "$ref" in node:
        return _container(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    if node.get("type") in ("object", "array"):
        return node
    found = (_container(one, definitions) for one in (*node.get("anyOf", ()), *node.get("oneOf", ())))
    return next((one for one in found if one), {})
