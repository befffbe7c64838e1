"""The tables that a person reads at the end."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from loadtests.compare.findings import Findings, Group
from loadtests.compare.load_plan import Kind
from loadtests.compare.percentiles import spread
from loadtests.compare.schedule import CALLERS, Detector
from loadtests.features.results import VERDICTS
from tidegate.models.evaluation.bench_row import Row

_LEAST_CPU_MS = 0.02
"""Roles below are left out."""


def show(found: Findings, rows: Sequence[Row]) -> None:
    """Writes them to the terminal."""
    console = Console(width=150)
    for detector in Detector:
        console.print(_rates(found, detector))
    console.print(_cpu(found))
    console.print(_verdicts(rows))


def _rates(found: Findings, detector: Detector) -> Table:
    table = Table(title=f"{detector}: items/s (spread over repeats), p50 / p95 / p99 in ms")
    groups = [*dict.fromkeys(_columns(found, detector))]
    table.add_column("contender")
    for kind, in_flight in groups:
        table.add_column(f"{in_flight} callers" if kind is Kind.UNARY else f"streams, {in_flight} under way")
    for contender in _contenders(found):
        cells = [_cell(found, Group(contender, detector, kind, in_flight)) for kind, in_flight in groups]
        table.add_row(contender, *cells)
    return table


def _contenders(found: Findings) -> list[str]:
    return [*dict.fromkeys(each.contender for each in found.samples)]


def _columns(found: Findings, detector: Detector) -> Iterator[tuple[Kind, int]]:
    for each in sorted(found.samples, key=lambda sample: (sample.kind == Kind.STREAM, sample.in_flight)):
        if each.detector == detector and not each.note:
            yield Kind(each.kind), each.in_flight


def _cell(found: Findings, group: Group) -> str:
    rate = found.middle(group, "items_per_s")
    if rate is None:
        return ""
    wide = spread([*found.by_repeat(group, "items_per_s").values()])
    times = " / ".join(f"{found.middle(group, f'p{percent}_ms'):.1f}" for percent in (50, 95, 99))
    return f"{rate:,.0f} (±{wide / 2:.0%})\n{times}"


def _cpu(found: Findings) -> Table:
    table = Table(title=f"CPU milliseconds per item, {CALLERS} callers, {Detector.CHEAP}")
    groups = [Group(name, Detector.CHEAP, Kind.UNARY, CALLERS) for name in _contenders(found)]
    chosen = {group.contender: found.cpu_ms(group) for group in groups}
    roles = [*dict.fromkeys(role for spent in chosen.values() for role in spent)]
    table.add_column("process")
    for contender in chosen:
        table.add_column(contender, justify="right")
    for role in roles:
        if any(spent.get(role, 0.0) >= _LEAST_CPU_MS for spent in chosen.values()):
            table.add_row(role, *(f"{spent[role]:.2f}" if role in spent else "" for spent in chosen.values()))
    table.add_row("all", *(f"{sum(spent.values()):.2f}" for spent in chosen.values()), style="bold")
    return table


def _verdicts(rows: Sequence[Row]) -> Table:
    table = Table(title="against the targets")
    for name in ("measure", "value", "target", ""):
        table.add_column(name)
    styles = {True: "green", False: "red", None: "yellow"}
    for row in rows:
        if row.target is not None:
            value = "not measured" if row.value is None else f"{row.value:g} {row.unit}".strip()
            table.add_row(row.measure, value, row.target, VERDICTS[row.holds], style=styles[row.holds])
    return table
