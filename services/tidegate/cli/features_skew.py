"""`tidegate features skew`: signals as decisions got them, beside the same signals computed again from the events."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tidegate.cli.features_training_set import event_log, events_option
from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.cli.replay import Moment
from tidegate.training_sets.export import Wanted, decisions
from tidegate.training_sets.skew import EXPLAINED, LAG, Compared, Verdict
from tidegate.training_sets.skew_report import FeatureSkew, SkewReport, measure_skew

_ODD = tuple(verdict for verdict in Verdict if verdict is not Verdict.SAME)
_EXAMPLES = 10
_US_PER_S = 1_000_000


@click.command()
@ledger_option
@events_option
@click.option("--since", type=Moment(), help="Only decisions made then or later.")
@click.option("--until", type=Moment(), help="Only decisions made before.")
@click.option(
    "--lag",
    "lag_s",
    type=click.FloatRange(0),
    default=LAG.total_seconds(),
    show_default=True,
    help="Seconds that an event may take to reach the online store; what takes longer is a difference.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def skew(
    path: Path, events_path: Path, since: datetime | None, until: datetime | None, lag_s: float, as_json: bool
) -> None:
    """Compares the signals that decisions were made from with what the event log gives for the same moments.

    `aged`, `late` and `stale` values were right when their rows were computed. All others are skew: the command fails.
    The risk score is not compared; it depends on the model of the day.
    """
    with opened(path) as archive, event_log(events_path) as log, progress_bar() as bar:
        task = bar.add_task("comparing", total=archive.count(since=since))
        records = decisions(archive.payloads(since=since), Wanted(until), progress=lambda: bar.advance(task))
        report = measure_skew(records, log, lag=timedelta(seconds=lag_s))
    if as_json:
        print_json(_document(report))
    else:
        _draw(report)
    if report.differences:
        raise click.exceptions.Exit(1)


def _document(report: SkewReport) -> dict[str, Any]:
    return {
        "decisions": report.decisions,
        "without_lookup": report.without_lookup,
        "erased": report.erased,
        "not_compared": report.not_compared,
        "differences": report.differences,
        "verdicts": {verdict: report.verdicts[verdict] for verdict in Verdict},
        "behind_s": _behind(report),
        "features": [
            {"feature": name, "verdicts": one.verdicts, "worst": one.worst and _example(one.worst)}
            for name, one in sorted(report.features.items())
        ],
    }


def _behind(report: SkewReport) -> Mapping[str, float] | None:
    if not report.behind_us:
        return None
    ordered = sorted(report.behind_us)
    return {
        name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] / _US_PER_S
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


def _example(one: Compared) -> dict[str, Any]:
    return {
        "decision_id": one.decision_id,
        "verdict": one.verdict,
        "served": one.served,
        "recomputed": one.recomputed,
        "behind_s": one.behind_us / _US_PER_S,
    }


def _draw(report: SkewReport) -> None:
    console = Console(highlight=False)
    total = sum(report.verdicts.values())
    state = f"[red]{report.differences:,} differ[/red]" if report.differences else "[green]no skew[/green]"
    console.print(f"{state}  {total:,} values of {report.decisions:,} decisions compared with the event log")
    for count, why in _left_out(report):
        console.print(f"[dim]left out: {count:,} {why}[/dim]")
    odd = {name: one for name, one in sorted(report.features.items()) if one.worst is not None}
    if odd:
        console.print(_table(odd))
    if behind := _behind(report):
        shown = ", ".join(f"{name} {value:.3g} s" for name, value in behind.items())
        console.print(f"rows behind the log, of late and overdue values: {shown}")
    worst = [one.worst for one in odd.values() if one.worst is not None and one.worst.verdict not in EXPLAINED]
    for one in worst[:_EXAMPLES]:
        served, recomputed = ("missing" if value is None else value for value in (one.served, one.recomputed))
        console.print(
            f"[red]{one.verdict}[/red] {one.feature}: served {served}, is {recomputed}, decision {one.decision_id}",
            soft_wrap=True,
        )
    if len(worst) > _EXAMPLES:
        console.print(f"and {len(worst) - _EXAMPLES} more features, with --json")


def _left_out(report: SkewReport) -> list[tuple[int, str]]:
    risk = sum(count for name, count in report.not_compared.items() if name.startswith("account_risk__"))
    other = sum(report.not_compared.values()) - risk
    lookups = [(count, f"decisions without signals: {status}") for status, count in report.without_lookup.items()]
    rest = [
        (report.erased, "decisions on accounts that were erased since"),
        (risk, "values of the risk model, which depend on its version"),
        (other, "values of features that this release does not have"),
    ]
    return [(count, why) for count, why in (*lookups, *rest) if count]


def _table(odd: Mapping[str, FeatureSkew]) -> Table:
    shown = [verdict for verdict in _ODD if any(one.verdicts[verdict] for one in odd.values())]
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    table.add_column("feature")
    table.add_column("same", justify="right")
    for verdict in shown:
        table.add_column(str(verdict), justify="right", style="" if verdict in EXPLAINED else "red")
    for name, one in odd.items():
        counts = (one.verdicts[verdict] for verdict in (Verdict.SAME, *shown))
        table.add_row(name, *(f"{count:,}" if count else "" for count in counts))
    return table
