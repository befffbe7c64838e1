"""An account's signals for the terminal: a table per view, within 80 columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.features.refs import ACCOUNT_FEATURES, ACCOUNT_SIGNALS_V2, FeatureRef, View
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus

_COLOURS = {Freshness.FRESH: "green", Freshness.STALE: "yellow", Freshness.MISSING: "red"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of an account."""

    account: str
    """Its id."""
    signals: AccountSignals
    """As the router gets them."""
    valid_until: Mapping[str, datetime | None]
    """By view: how long its row holds if nothing more happens; None if it makes no such promise."""


def document(shown: Shown) -> dict[str, Any]:
    """For machines."""
    return {
        "account_id": shown.account,
        "status": shown.signals.status,
        "known": shown.signals.known,
        "valid_until": dict(shown.valid_until),
        "features": [{**value._asdict(), **_declared(value)} for value in shown.signals.values],
    }


def draw(shown: Shown) -> None:
    """For people."""
    console = Console()
    if shown.signals.status is not LookupStatus.OK:
        Console(stderr=True).print(f"the online store did not answer: {shown.signals.status}")
        return
    if not shown.signals.known:
        console.print("the online store holds nothing on this account")
        return
    console.print(f"[bold]{escape(shown.account)}[/bold]")
    by_name = {value.name: value for value in shown.signals.values}
    for view in ACCOUNT_SIGNALS_V2.views:
        values = [by_name[FeatureRef(view, feature).full_name] for feature in view.features]
        console.print()
        console.print(_heading(view, values, shown.valid_until.get(view.name)))
        if any(value.event_time for value in values):
            console.print(_table(values))


def _declared(value: FeatureValue) -> dict[str, Any]:
    ref = ACCOUNT_FEATURES[value.name]
    return {"view": ref.view.name, "unit": ref.feature.unit, "window": ref.feature.window}


def _heading(view: View, values: list[FeatureValue], valid_until: datetime | None) -> str:
    computed_at = next((value.event_time for value in values if value.event_time), None)
    if computed_at is None:
        return f"[bold]{view.name}[/bold]  [red]no values[/red]"
    holds = "" if valid_until is None else f", holds until {valid_until:%m-%d %H:%M:%S}"
    return f"[bold]{view.name}[/bold]  of {computed_at:%Y-%m-%d %H:%M:%S} UTC{holds}"


def _table(values: list[FeatureValue]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, min_width=26)
    table.add_column(justify="right", overflow="fold", max_width=16)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for value in values:
        table.add_row(*_cells(value))
    return table


def _cells(value: FeatureValue) -> Iterator[str]:
    feature = ACCOUNT_FEATURES[value.name].feature
    colour = _COLOURS[value.freshness]
    yield feature.name
    yield escape(_text(value))
    yield f"[{colour}]{value.freshness}[/{colour}]"
    window = "" if feature.window.startswith("as of") else f" · {feature.window}"
    yield f"[dim]{escape(feature.unit + window if value.value is not None else feature.missing)}[/dim]"


def _text(value: FeatureValue) -> str:
    if isinstance(value.value, float):
        return f"{value.value:.4g}"
    return "" if value.value is None else str(value.value)
