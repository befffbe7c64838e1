"""What is said of wrong fields: the key that was meant, what is allowed, and never a value."""

from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tidegate.policy.wrong_fields import unknown_key, wrong_fields


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = 0.0


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    names: Annotated[tuple[str, ...], Field(min_length=1)] = ("a",)
    pair: Annotated[tuple[str, ...], Field(min_length=2)] = ("a", "b")
    count: Annotated[int, AfterValidator(_even)] = 0
    part: _Part | None = None
    parts: list[_Part] = []
    by_name: dict[str, _Part] = {}


@pytest.mark.parametrize(
    ("document", "place", "said"),
    [
        ({"nmes": ["a"]}, ("nmes",), "unknown key; did you mean names?"),
        ({"part": {"shares": 1}}, ("part", "shares"), "unknown key; did you mean share?"),
        ({"parts": [{}, {"xyz": 1}]}, ("parts", 1, "xyz"), "unknown key; allowed here: share"),
        ({"by_name": {"b": {"xyz": 1}}}, ("by_name", "b", "xyz"), "unknown key; allowed here: share"),
        ({"names": []}, ("names",), "must not be empty"),
        ({"count": 3}, ("count",), "must be even"),
    ],
)
def test_each_wrong_field_is_told_what_is_allowed(document: object, place: tuple[object, ...], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _Document.model_validate(document)
    assert wrong_fields(refused.value, _Document) == [(place, said)]


def test_too_few_is_not_called_empty() -> None:
    with pytest.raises(ValidationError) as refused:
        _Document.model_validate({"pair": ["a"]})
    ((_, said),) = wrong_fields(refused.value, _Document)
    assert "at least 2 items" in said


def test_where_no_key_is_known_none_is_named() -> None:
    assert unknown_key("a", []) == "unknown key; none is allowed here"
