"""A dashboard, as what it asks and in which words. `grafana.py` makes Grafana's JSON of it."""

from dataclasses import dataclass
from enum import StrEnum

RATE = "$__rate_interval"
"""Grafana's variable: a range that is long enough for the scrape interval."""


RANGE = "$__range"
"""Grafana's variable: all that is looked at."""


class Unit(StrEnum):
    """Grafana's names of units."""

    PER_SECOND = "cps"
    SECONDS = "s"
    SHARE = "percentunit"
    BYTES = "bytes"
    NUMBER = "short"
    CORES = "cores"
    """No unit of Grafana's: shown behind the number."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression."""

    expr: str
    """PromQL."""
    legend: str = ""
    """Grafana's template, `{{label}}`; empty for a single line, which is called as its panel."""
    traced: bool = False
    """Whether exemplars are shown with it: of one query of a panel, since all have the same."""


class Colour(StrEnum):
    """Grafana's names of colours."""

    GOOD = "green"
    NOTED = "blue"
    SOON = "yellow"
    BAD = "orange"
    WORST = "red"


@dataclass(frozen=True, slots=True)
class Limit:
    """A value from which on something is worth looking at: a line across the picture, or the number's colour."""

    value: float
    """In the panel's unit."""
    colour: Colour
    """How bad it is."""


class Look(StrEnum):
    """How a panel shows what it asks for."""

    LINES = "timeseries"
    """Over time."""
    NUMBERS = "stat"
    """The latest, to be read from afar."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture."""

    title: str
    """For people."""
    unit: Unit
    """Of all its queries."""
    queries: tuple[Query, ...]
    """At least one."""
    about: str = ""
    """What to know when reading it."""
    least: float | None = 0.0
    """Where its axis begins; None follows the values."""
    limits: tuple[Limit, ...] = ()
    """From small to large."""
    empty: str = ""
    """What to say where there is nothing, if that is as it should be."""
    look: Look = Look.LINES
    """Lines or numbers."""
    columns: int = 0
    """Its width, of 24, where all panels of the row say theirs; else they are alike."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other."""

    title: str
    """For people."""
    panels: tuple[Panel, ...]
    """Left to right; more than three stand in lines of two or three."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable that people choose from what a label holds."""

    name: str
    """Of variable and label."""
    metric: str
    """A series with that label."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A variable that people type, such as a price."""

    name: str
    """Of the variable."""
    label: str
    """For people, with the unit."""
    value: str
    """At first."""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    name: str
    """Of the file, and the end of Grafana's uid."""
    title: str
    """For people."""
    about: str
    """What it answers."""
    rows: tuple[Row, ...]
    """Top to bottom."""
    choices: tuple[Choice, ...] = ()
    """What it can be narrowed to."""
    amounts: tuple[Amount, ...] = ()
    """What it reckons with."""


def rate(selector: str, *, by: str = "") -> str:
    """Events a second, summed over replicas.

    Args:
        selector: A counter's series.
        by: Labels, with commas.
    """
    return f"sum by ({by}) (rate({selector}[{RATE}]))" if by else f"sum(rate({selector}[{RATE}]))"


def quantile(share: float, selector: str, *, by: str = "") -> str:
    """A quantile over replicas.

    Args:
        share: 0.99 for the slowest in a hundred.
        selector: A histogram's `_bucket` series.
        by: Labels, with commas.
    """
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({selector}[{RATE}])))"


def mean(measured: str, total: str, *, by: str = "") -> str:
    """A mean over replicas, of a histogram's `_count` and `_sum` series."""
    return f"{rate(total, by=by)} / {rate(measured, by=by)}"


def share(part: str, selector: str, *, by: str = "") -> str:
    """The share of some in all, 0 where there are none of them yet.

    Args:
        part: A counter's series: those.
        selector: All.
        by: Labels, with commas.
    """
    every = rate(selector, by=by)
    return f"({rate(part, by=by)} or 0 * {every}) / {every}"


def most(count: int, selector: str, *, by: str) -> str:
    """Events a second of those that were most frequent in all the time that is looked at.

    `topk` alone chooses anew at each point, which makes many more lines than it says.
    """
    return f"{rate(selector, by=by)} and on ({by}) topk({count}, sum by ({by}) (increase({selector}[{RANGE}] @ end())))"
