"""`tidegate models drift`: whether detectors' scores in the ledger are distributed as they were before."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.cli.periods import Periods, named_periods, refuse_empty, span
from tidegate.cli.replay import Moment
from tidegate.ledger.archive import LedgerPlace
from tidegate.ledger.record_format import decode
from tidegate.models.evaluation.drift import BANDS, Drift, Verdict
from tidegate.models.severity import SEVERITY_EDGES
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.detection import DetectorStatus

_BAR = 40
_COLOURS = {Verdict.STABLE: "green", Verdict.MODERATE: "yellow", Verdict.LARGE: "red", Verdict.TOO_FEW: "dim"}


@click.command()
@ledger_option
@click.option("--before", nargs=2, type=Moment(), metavar="START END", help="By default the 7 days before AFTER.")
@click.option("--after", nargs=2, type=Moment(), metavar="START END", help="By default the ledger's last 24 hours.")
@click.option("--plot", is_flag=True, help="Also draws the shares of each severity band.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def drift(
    place: LedgerPlace,
    before: tuple[datetime, datetime] | None,
    after: tuple[datetime, datetime] | None,
    plot: bool,
    as_json: bool,
) -> None:
    """Compares how detectors' scores were distributed over severity bands in two periods of the ledger.

    PSI (population stability index) and Jensen-Shannon divergence per detector and label. A shift means that content,
    a detector or its calibration has changed; it does not say which. Shadow versions are left out.
    """
    with opened(place) as archive, progress_bar() as bar:
        periods = named_periods(archive, before=before, after=after)
        refuse_empty(archive, periods)
        since = min(periods.before[0], periods.after[0])
        task = bar.add_task("reading", total=archive.count(since=since))
        records = map(decode, archive.payloads(since=since))
        found = drifts(records, periods, progress=lambda: bar.advance(task))
    if as_json:
        print_json(
            {"before": span(periods.before), "after": span(periods.after), "drift": [_json(one) for one in found]}
        )
        return
    click.echo(f"before  {' to '.join(span(periods.before))}\nafter   {' to '.join(span(periods.after))}")
    if not found:
        click.echo("No detector has scored anything in these periods.")
        return
    _draw(found)
    if plot:
        _draw_bands(found)


def drifts(
    records: Iterable[DecisionRecord], periods: Periods, *, progress: Callable[[], None] = lambda: None
) -> list[Drift]:
    """Returns the drift of each detector's labels, largest first; only what live versions answered counts."""
    bands: dict[tuple[str, str], tuple[Counter[int], Counter[int]]] = defaultdict(lambda: (Counter(), Counter()))
    for record in records:
        progress()
        for side in periods.sides(record.decided_at):
            for run in record.inputs.detectors:
                if run.shadow or run.status is not DetectorStatus.OK:
                    continue
                for label, band in run.severities.items():
                    bands[run.name, label][side][band] += 1
    found = [Drift(name, label, _counts(before), _counts(after)) for (name, label), (before, after) in bands.items()]
    return sorted(found, key=lambda one: (one.verdict is Verdict.TOO_FEW, -one.psi, one.detector, one.label))


def _comparable(one: Drift) -> bool:
    """Whether there is anything on both sides: else the figures would be those of the smoothing."""
    return bool(sum(one.before) and sum(one.after))


def _counts(bands: Counter[int]) -> tuple[int, ...]:
    return tuple(bands[band] for band in range(BANDS))


def _json(one: Drift) -> dict[str, Any]:
    return {
        "detector": one.detector,
        "label": one.label,
        "psi": round(one.psi, 5) if _comparable(one) else None,
        "jensen_shannon_bits": round(one.jensen_shannon, 5) if _comparable(one) else None,
        "verdict": one.verdict,
        "bands_before": one.before,
        "bands_after": one.after,
    }


def _draw(found: Sequence[Drift]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("detector", "label", ""):
        table.add_column(heading)
    for heading in ("PSI", "JS bits", "scores before", "after", "at 4 before", "after"):
        table.add_column(heading, justify="right")
    for one in found:
        shares = (_share(counts, range(4, BANDS)) for counts in (one.before, one.after))
        table.add_row(
            one.detector,
            one.label,
            f"[{_COLOURS[one.verdict]}]{one.verdict}[/]",
            *(f"{one.psi:.3f}", f"{one.jensen_shannon:.3f}") if _comparable(one) else ("-", "-"),
            *(f"{sum(counts):,}" for counts in (one.before, one.after)),
            *(
                f"{share:.1%}" if sum(counts) else "-"
                for share, counts in zip(shares, (one.before, one.after), strict=True)
            ),
        )
    Console(highlight=False).print(table)


def _draw_bands(found: Sequence[Drift]) -> None:
    console = Console(highlight=False)
    edges = (0.0, *SEVERITY_EDGES)
    for one in found:
        console.print(
            f"\n[bold]{one.detector} {one.label}[/bold]  share of scores by severity band, [dim]before[/dim] and after"
        )
        for band in range(BANDS):
            for name, counts, style in (("before", one.before, "dim"), ("after", one.after, "cyan")):
                share = _share(counts, [band])
                head = f"{band}  from {edges[band]:.2f}" if name == "before" else ""
                console.print(f"  {head:<12} [{style}]{'█' * round(share * _BAR):<{_BAR}}[/] {share:6.1%}")


def _share(counts: Sequence[int], bands: Iterable[int]) -> float:
    return sum(counts[band] for band in bands) / max(1, sum(counts))
