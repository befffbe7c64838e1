"""What is expected of events and feature values: the schema of the document, and loading it.

`expectations.yaml` beside this module is what Tidegate ships; an installation writes its own and names it to
`tidegate features quality --expectations`.
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tidegate.features.events.event import FIELDS, EventKind, ProfileFacts
from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.policy.wrong_fields import wrong_fields

SHIPPED = Path(__file__).with_name("expectations.yaml")
"""The document that comes with Tidegate."""


class ExpectationsError(Exception):
    """The document can't be used. The message says which key is wrong."""


def _ascending(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("must name the lower bound first")
    return span


def _event_field(name: str) -> str:
    kind, _, field = name.partition(".")
    if kind not in EventKind.__members__:
        raise ValueError(f"{kind!r} is none of {', '.join(EventKind)}")
    fields = FIELDS[EventKind(kind)]
    told = {str(each) for each in fields.required | fields.optional}
    if kind == EventKind.PROFILE:
        told = set(ProfileFacts.__dataclass_fields__)
    if field not in told:
        raise ValueError(f"{kind} carries no {field!r}, but {', '.join(sorted(told)) or 'nothing'}")
    return name


def _feature(name: str) -> str:
    if name not in ACCOUNT_FEATURES:
        raise ValueError(f"there is no feature {name!r}; `tidegate features list` names them")
    return name


Span = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""From, to; both allowed."""
Share = Annotated[float, Field(ge=0, le=1)]
EventFieldName = Annotated[str, AfterValidator(_event_field)]
FeatureName = Annotated[str, AfterValidator(_feature)]


class Section(BaseModel):
    """A part of the document; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class EventExpectations(Section):
    """Of events that occurred in the last day, and in the days before it."""

    days_before: int = Field(7, ge=1, le=365)
    """Days that the last one is compared with."""
    volume: Span = (0.2, 5.0)
    """Events of a kind on the last day ÷ the daily mean of the days before."""
    fewest: int = Field(50, ge=1)
    """Events by which a volume or a share is judged, in all of these days."""
    late_minutes: float = Field(60, gt=0)
    """An event recorded so long after it happened is late."""
    late_share: Share = 0.05
    """Of events recorded within 7 days of happening, once there was a log; all others are a backfill."""
    ahead_share: Share = 0.01
    """Of events, those that were recorded before they happened: clocks that are ahead."""
    null_share: dict[EventFieldName, Share] = {}
    """By `KIND.field`, events that don't carry it. Of PROFILE, facts that were not told."""
    range: dict[EventFieldName, Span] = {}
    """By `KIND.field`, its values."""


class RowExpectations(Section):
    """Of the published run as a whole."""

    age_days: float = Field(2, gt=0)
    """Since the instant that its rows are for."""
    volume: Span = (0.5, 2.0)
    """Rows of a view and instant ÷ those of the run before."""


class ValueExpectations(Section):
    """Of one feature's values."""

    range: Span | None = None
    """Of numbers."""
    one_of: tuple[str, ...] | None = None
    """Of words."""
    null_share: Share = 1.0
    """Rows without a value; of served values, those that policies could not rely on."""


class Expectations(Section):
    """The whole document."""

    events: EventExpectations = EventExpectations()
    rows: RowExpectations = RowExpectations()
    values: dict[FeatureName, ValueExpectations] = {}
    """Of published rows, and of values as served on accounts that the store knew."""
    ascending: tuple[tuple[FeatureName, ...], ...] = ()
    """Features of one view, none of which may be above the next: a count within an hour and one within a day."""
    fewest_rows: int = Field(50, ge=1)
    """Rows, or decisions, by which a null share is judged."""


def load_expectations(path: Path = SHIPPED) -> Expectations:
    """Reads a document.

    Raises:
        ExpectationsError: It can't be read, or a key is wrong.
    """
    try:
        return Expectations.model_validate(yaml.safe_load(path.read_text()) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExpectationsError(f"{path} can't be read: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, key))}: {told}" for key, told in wrong_fields(error, Expectations))
        raise ExpectationsError(f"{path}: {'; '.join(problems)}") from error
