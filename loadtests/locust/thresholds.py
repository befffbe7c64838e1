"""What a load test must hold, from a file that is checked strictly: a threshold with a typo must not pass."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from loadtests.locust.measures import Measure

_NO_THRESHOLDS = "has no thresholds; it needs `version: 1` and a list `thresholds`, as loadtests/thresholds.yaml"


class ThresholdsError(Exception):
    """The file can't be used. The message names every wrong key and what is allowed."""


class Threshold(BaseModel):
    """One limit on one measure of one phase, or of all."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    name: str = Field(min_length=1)
    """What results call it."""
    measure: Measure
    """What is measured."""
    phase: str | None = None
    """The phase's name; absent means that it must hold in every measured phase."""
    against: str | None = None
    """Another phase: the threshold is on the measure here divided by the measure there."""
    max: float | None = None
    """The most that is allowed."""
    min: float | None = None
    """The least that is allowed."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Threshold":
        if (self.max is None) == (self.min is None):
            raise ValueError("needs max or min, and not both")
        if self.against is not None and self.phase is None:
            raise ValueError("against needs a phase to divide")
        if self.against is not None and self.against == self.phase:
            raise ValueError("against names the phase itself")
        return self

    @property
    def limit(self) -> float:
        """The one that is set."""
        return self.max if self.max is not None else self.min if self.min is not None else float("nan")

    def allows(self, value: float) -> bool:
        """Whether a value is within it; what is not a number never is."""
        return value <= self.limit if self.max is not None else value >= self.limit


class Thresholds(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    """Of the format."""
    thresholds: tuple[Threshold, ...]
    """At least one: a gate without any would always be open."""

    @model_validator(mode="after")
    def _limits_something(self) -> "Thresholds":
        """Not a least length of the field: pydantic counts only entries that are right, and would deny the others."""
        if not self.thresholds:
            raise ValueError("thresholds is empty, and would always hold; it needs one entry or more")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> "Thresholds":
        names = [each.name for each in self.thresholds]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"names must differ: {', '.join(twice)}")
        return self


def read_thresholds(path: Path) -> Thresholds:
    """Reads and checks a file.

    Raises:
        ThresholdsError: It can't be read, or holds what is not known.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ThresholdsError(f"{path}: {_NO_THRESHOLDS}")
        return Thresholds.model_validate(document)
    except OSError as error:
        raise ThresholdsError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ThresholdsError(f"{path}: is not YAML in UTF-8: {error}") from error
    except ValidationError as error:
        raise ThresholdsError(f"{path}: {'; '.join(map(_said, error.errors()))}") from error


def _said(wrong: ErrorDetails) -> str:
    """Where, as far as it is in one place, and what."""
    where = ".".join(str(step) for step in wrong["loc"])
    what = wrong["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
