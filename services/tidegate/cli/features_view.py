"""An account's signals for the terminal: a table per view, within 80 columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.enrichment.freshness import StoredRow, fresh_until
from tidegate.features.catalogue_view import usual_gap
from tidegate.features.feature import FeatureRef, View
from tidegate.features.refs import ACCOUNT_FEATURES, ACCOUNT_SIGNALS_V2
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness

_COLOURS = {Freshness.FRESH: "green", Freshness.STALE: "yellow", Freshness.MISSING: "red"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of an account."""

    account: str
    """Its id."""
    signals: AccountSignals
    """As the router gets them."""
    rows: Sequence[StoredRow] = ()
    """What the signals come from, by view: signals don't carry the promises of their rows."""
    read_at: datetime | None = None
    """When they were read, UTC."""


def document(shown: Shown) -> dict[str, Any]:
    """For machines."""
    return {
        "account_id": shown.account,
        "status": shown.signals.status,
        "known": shown.signals.known,
        "valid_until": {row.view.name: row.valid_until for row in shown.rows},
        "fresh_until": {row.view.name: fresh_until(row) for row in shown.rows},
        "features": [{**value._asdict(), **_declared(value)} for value in shown.signals.values],
    }


def draw(shown: Shown) -> None:
    """For people: of an account that is known."""
    console = Console(highlight=False)
    console.print(f"[bold]{escape(shown.account)}[/bold]")
    by_name = {value.name: value for value in shown.signals.values}
    rows = {row.view.name: row for row in shown.rows}
    for view in ACCOUNT_SIGNALS_V2.views:
        values = [by_name[FeatureRef(view, feature).full_name] for feature in view.features]
        console.print()
        console.print(_heading(view, values, rows.get(view.name), shown.read_at))
        if any(value.event_time for value in values):
            console.print(_table(values, usual=usual_gap(view)))
            if any(value.value is None and _missing(value) == usual_gap(view) for value in values):
                console.print(f"[dim]MISSING, unless said otherwise: {escape(usual_gap(view))}[/dim]")


def _declared(value: FeatureValue) -> dict[str, Any]:
    ref = ACCOUNT_FEATURES[value.name]
    return {"view": ref.view.name, "unit": ref.feature.unit, "window": ref.feature.window}


def _missing(value: FeatureValue) -> str:
    return ACCOUNT_FEATURES[value.name].feature.missing


def _heading(view: View, values: list[FeatureValue], row: StoredRow | None, read_at: datetime | None) -> str:
    computed_at = next((value.event_time for value in values if value.event_time), None)
    if computed_at is None:
        return f"[bold]{view.name}[/bold]  [red]no values[/red]"
    stale = any(value.freshness is Freshness.STALE for value in values)
    holds = _holds(None if row is None else fresh_until(row), stale=stale, read_at=read_at)
    return f"[bold]{view.name}[/bold]  of {computed_at:%Y-%m-%d %H:%M:%S}{holds} UTC"


def _holds(until: datetime | None, *, stale: bool, read_at: datetime | None) -> str:
    if until is None:
        return ""
    if not stale:
        return f", fresh until {until:%Y-%m-%d %H:%M:%S}"
    if read_at is None or until <= read_at:
        return f", stale since {until:%Y-%m-%d %H:%M:%S}"
    return ", ahead of this clock:"


def _table(values: list[FeatureValue], *, usual: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, min_width=26)
    table.add_column(justify="right", overflow="fold", max_width=16)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for value in values:
        table.add_row(*_cells(value, usual))
    return table


def _cells(value: FeatureValue, usual: str) -> Iterator[str]:
    feature = ACCOUNT_FEATURES[value.name].feature
    colour = _COLOURS[value.freshness]
    yield feature.name
    yield escape(_text(value))
    yield f"[{colour}]{value.freshness}[/{colour}]"
    window = "" if feature.window.startswith("as of") else f" · {feature.window}"
    missing = "" if feature.missing == usual else feature.missing
    yield f"[dim]{escape(feature.unit + window if value.value is not None else missing)}[/dim]"


def _text(value: FeatureValue) -> str:
    if isinstance(value.value, float):
        return f"{value.value:.4g}"
    return "" if value.value is None else str(value.value)
