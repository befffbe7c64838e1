"""A dashboard, as what it asks and in which words. `grafana.py` makes Grafana's JSON of it."""

from dataclasses import dataclass
from enum import StrEnum

RATE = "$__rate_interval"
"""Grafana's variable: a range that is long enough for the scrape interval."""


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
    """Grafana's template, `{{label}}`; empty for a single line."""
    traced: bool = False
    """Whether exemplars are shown with it."""


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


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other."""

    title: str
    """For people."""
    panels: tuple[Panel, ...]
    """Left to right, wrapped."""


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


def shares(selector: str, *, by: str, of: str) -> str:
    """The share of each in all of a kind.

    Args:
        selector: A counter's series.
        by: Labels of each, with commas; `of` is among them.
        of: The label of the kind.
    """
    return f"{rate(selector, by=by)} / on ({of}) group_left () {rate(selector, by=of)}"
