"""`tidegate metrics`: what the processes have counted, as the built-in receiver holds it."""

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import click
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from tidegate.cli.metric_rows import GAUGE, HISTOGRAM, Labels, Row, Shown, shown
from tidegate.cli.output import print_json
from tidegate.serving.settings import Settings
from tidegate.serving.stack.state import read_state

TIMEOUT_S = 5.0
NONE = "none"
"""What stands where there is no series, no label or no measurement."""
PART = "metrics"
"""Name of the stack's part that has the address."""


@click.command()
@click.option("--address", help="Any address that shows Prometheus text; by default that of the stack running here.")
@click.option("--all", "show_all", is_flag=True, help="Also metrics that are not Tidegate's.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def metrics(settings: Settings, address: str | None, show_all: bool, as_json: bool) -> None:
    """Shows what was counted since the processes started, summed over them: decisions, signals, detectors, events.

    p50 and p99 are estimates from buckets, within what was measured: look at the count before you trust them. Of fewer
    than 100 measurements p99 is the largest. Counts are sent every 5 seconds. Prometheus reads the same at the address
    that `tidegate status` names.
    """
    text = _fetched(address or _address(settings))
    families = [one for one in text_string_to_metric_families(text) if show_all or one.name.startswith("tidegate_")]
    if as_json:
        print_json({"metrics": [_document(one) for one in shown(families)]})
        return
    console = Console(highlight=False)
    for one in shown(families):
        # Not the table's title, which would be folded to the table's width.
        console.print(f"\n[bold]{one.family.name}[/bold]  [dim]{one.family.documentation}[/dim]")
        console.print(_table(one) if _told(one) else NONE)


def _address(settings: Settings) -> str:
    state = read_state(settings.state_dir.resolve())
    if state is None:
        raise click.ClickException("no stack is running here; `tidegate up` starts one")
    for part in state.parts:
        if part.name == PART:
            return part.address
    raise click.ClickException("the stack's metrics go to its telemetry.endpoint; ask there, or give --address")


def _fetched(address: str) -> str:
    if not address.startswith(("http://", "https://")):
        raise click.BadParameter("must start with http:// or https://", param_hint="--address")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the scheme is checked above
            text: str = answer.read().decode()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{address} can't be read: {error}") from error
    return text


def _document(one: Shown) -> dict[str, Any]:
    series = []
    for labels, row in one.rows.items():
        values: dict[str, float | None] = {"value": row.value}
        if one.family.type == HISTOGRAM:
            values = {"count": row.value, "sum": row.total, "min": row.lowest, "max": row.highest}
            values |= {"p50": row.quantile(0.5), "p99": row.quantile(0.99)}
        series.append({"labels": dict(labels), **values})
    family = one.family
    return {"name": family.name, "type": family.type, "description": family.documentation, "series": series}


def _table(one: Shown) -> Table:
    names = sorted({name for labels in _told(one) for name, _ in labels})
    headed = bool(names) or one.family.type == HISTOGRAM
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=headed)
    for name in names:
        table.add_column(name)
    for heading in ("count", "mean", "min", "p50", "p99", "max") if one.family.type == HISTOGRAM else ("",):
        table.add_column(heading, justify="right")
    for labels, row in _told(one).items():
        values = dict(labels)
        table.add_row(*(values.get(name) or NONE for name in names), *_cells(one.family, row))
    return table


def _told(one: Shown) -> Mapping[Labels, Row]:
    """Its series without those that never counted anything: such bands are kept for Prometheus, not for readers.

    A gauge's 0 is a measurement, and that of a counter without labels an answer.
    """
    family = one.family.type
    return {
        labels: row
        for labels, row in one.rows.items()
        if row.value or family == GAUGE or not (labels or family == HISTOGRAM)
    }


def _cells(family: Metric, row: Row) -> Iterator[str]:
    whole = row.value.is_integer() or abs(row.value) >= 1_000  # noqa: PLR2004 - four digits are told of a fraction
    yield f"{row.value:,.0f}" if whole else f"{row.value:.4g}"
    if family.type == HISTOGRAM:
        told = (row.total / row.value, row.lowest, row.quantile(0.5), row.quantile(0.99), row.highest)
        yield from (NONE if value is None else f"{value:,.4g}" for value in told)
