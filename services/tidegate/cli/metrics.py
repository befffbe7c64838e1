"""`tidegate metrics`: what the processes have counted, as the built-in receiver holds it."""

import math
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from tidegate.cli.output import print_json
from tidegate.serving.settings import Settings
from tidegate.serving.stack.state import read_state

TIMEOUT_S = 5.0
PART = "metrics"
"""Name of the stack's part that has the address."""

_PROCESS = frozenset({"job", "instance"})
_HISTOGRAM = "histogram"

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Row:
    """One series, summed over processes."""

    value: float = 0.0
    """Of a counter or a gauge; of a histogram how many were measured."""
    total: float = 0.0
    """Of a histogram: the sum of what was measured."""
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """Of a histogram: how many were no more than this."""

    def quantile(self, share: float) -> float | None:
        """Estimated as Prometheus' `histogram_quantile` does, linear within a bucket; None if nothing was measured."""
        if not self.value:
            return None
        wanted, below, low = share * self.value, 0.0, 0.0
        for edge, count in sorted(self.buckets.items()):
            if count >= wanted:
                if math.isinf(edge):
                    return low
                return low + (edge - low) * (wanted - below) / (count - below)
            below, low = count, edge
        return low


@click.command()
@click.option("--address", help="Any address that shows Prometheus text; by default that of the stack running here.")
@click.option("--all", "show_all", is_flag=True, help="Also metrics that are not Tidegate's.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def metrics(settings: Settings, address: str | None, show_all: bool, as_json: bool) -> None:
    """Shows what was counted since the processes started, summed over them: decisions, signals, detectors, events.

    Counts are sent every 5 seconds. Prometheus reads the same at the address that `tidegate status` names.
    """
    text = _fetched(address or _address(settings))
    families = [one for one in text_string_to_metric_families(text) if show_all or one.name.startswith("tidegate_")]
    if as_json:
        print_json({"metrics": [_document(one) for one in families]})
        return
    console = Console(highlight=False)
    for one in families:
        # Not the table's title, which would be folded to the table's width.
        console.print(f"\n[bold]{one.name}[/bold]  [dim]{one.documentation}[/dim]")
        console.print(_table(one))


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


def rows(family: Metric) -> Mapping[Labels, Row]:
    """The family's series by their labels, those of the process left out and summed up."""
    found: dict[Labels, Row] = defaultdict(Row)
    for sample in family.samples:
        labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k not in _PROCESS and k != "le"))
        row = found[labels]
        if sample.name.endswith("_bucket") and family.type == _HISTOGRAM:
            row.buckets[float(sample.labels["le"])] += sample.value
        elif sample.name.endswith("_sum") and family.type == _HISTOGRAM:
            row.total += sample.value
        else:
            row.value += sample.value
    return dict(sorted(found.items()))


def _document(family: Metric) -> dict[str, Any]:
    series = []
    for labels, row in rows(family).items():
        if family.type == _HISTOGRAM:
            p50, p99 = row.quantile(0.5), row.quantile(0.99)
            values: dict[str, float | None] = {"count": row.value, "sum": row.total, "p50": p50, "p99": p99}
        else:
            values = {"value": row.value}
        series.append({"labels": dict(labels), **values})
    return {"name": family.name, "type": family.type, "description": family.documentation, "series": series}


def _table(family: Metric) -> Table:
    found = rows(family)
    names = sorted({name for labels in found for name, _ in labels})
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name)
    for heading in ("count", "mean", "p50", "p99") if family.type == _HISTOGRAM else ("",):
        table.add_column(heading, justify="right")
    for labels, row in found.items():
        if row.value:  # bands that no score fell into are kept for Prometheus, not for readers
            values = dict(labels)
            table.add_row(*(values.get(name, "") for name in names), *_shown(family, row))
    return table


def _shown(family: Metric, row: Row) -> Iterator[str]:
    yield f"{row.value:,.0f}"
    if family.type == _HISTOGRAM:
        yield f"{row.total / row.value:,.4g}"
        for share in (0.5, 0.99):
            yield f"{row.quantile(share) or 0:,.4g}"
