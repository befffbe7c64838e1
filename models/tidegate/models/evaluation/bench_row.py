"""One line of what a benchmark leaves in `build/bench`: a measure, its target, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One measure."""

    measure: str
    """What was measured, and on what."""
    value: float | None
    """How much; None where it could not be taken here."""
    unit: str
    """Of the value; empty for a ratio."""
    target: str | None
    """Bound, with its sign; None for a measure without one."""
    holds: bool | None
    """Whether the value keeps the bound; None without a value or a bound."""


def at_least(measure: str, value: float | None, bound: float, unit: str) -> Row:
    """A row with a lower bound."""
    return Row(measure, value, unit, f">= {bound:g}", None if value is None else value >= bound)


def at_most(measure: str, value: float | None, bound: float, unit: str) -> Row:
    """A row with an upper bound."""
    return Row(measure, value, unit, f"<= {bound:g}", None if value is None else value <= bound)


def shown(measure: str, value: float | None, unit: str) -> Row:
    """A row without a bound."""
    return Row(measure, value, unit, None, None)
