"""`tidegate features skew`: signals as decisions got them, beside the same signals computed again from the events."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.cli.decision_drawing import plain
from tidegate.cli.features_training_set import event_log, events_option
from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.cli.replay import Moment
from tidegate.ledger.archive import LedgerPlace
from tidegate.moderation.signals import FeatureScalar
from tidegate.training_sets.export import Wanted, decisions
from tidegate.training_sets.skew import EXPLAINED, LAG, Compared, Verdict
from tidegate.training_sets.skew_report import (
    MOST_DECISIONS,
    DifferingDecision,
    FeatureSkew,
    Occurrence,
    SkewReport,
    measure_skew,
)

_DIFFERENCES = tuple(verdict for verdict in Verdict if verdict not in EXPLAINED)
_WHY = {
    Verdict.AGED: "right for their rows; a window or a decay moved on since",
    Verdict.LATE: "right for their rows; an event of the last moments had not reached them",
    Verdict.STALE: "recorded as STALE, so no policy relied on them",
    Verdict.BY_HAND: "rows that the demo writes by hand, of no event",
}
"""What explains a verdict, for people."""
_SHOWN = 10
"""Decisions, and features, that are shown to people; --json has more."""
_VALUES = 3
"""Values of a decision that are shown to people."""
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
    place: LedgerPlace, events_path: Path, since: datetime | None, until: datetime | None, lag_s: float, as_json: bool
) -> None:
    """Compares the signals that decisions were made from with what the event log gives for the same moments.

    `aged` and `late` values were right when their rows were computed; on what was recorded as `stale` no policy relied;
    rows `by hand` are the demo's. All others are skew: the command fails. The risk score is not compared; it depends on
    the model of the day.
    """
    with opened(place) as archive, event_log(events_path) as log, progress_bar() as bar:
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
        "removed": report.removed,
        "not_compared": report.not_compared,
        "differences": report.differences,
        "differing_decisions": report.differing_decisions,
        "worst_decisions": [
            {
                "decision_id": one.decision_id,
                "account_id": one.account_id,
                "verdict": one.verdict,
                "values": [{"feature": each.feature, **_example(each)} for each in one.values],
            }
            for one in report.differing
        ],
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
    verdicts = report.verdicts
    state = "[green]no skew[/green]" if verdicts else "[yellow]nothing to compare[/yellow]"
    if report.differences:
        where = _count(report.differing_decisions, "decision")
        state = f"[red]skew[/red]  {_count(report.differences, 'value')} of {where} differ;"
    of_all = (
        f"{_count(verdicts.total(), 'value')} of {_count(report.decisions, 'decision')} compared with the event log"
    )
    console.print(f"{state}  {of_all}", soft_wrap=True)
    for count, why in _left_out(report):
        console.print(f"[dim]left out: {count:,} {why}[/dim]", soft_wrap=True)
    for verdict, why in _WHY.items():
        if count := verdicts[verdict]:
            console.print(_explained(verdict, count, report.occurrences[verdict], why), soft_wrap=True)
    if behind := _behind(report):
        shown = ", ".join(f"{name} {value:.3g} s" for name, value in behind.items())
        console.print(f"rows behind the log, of late and overdue values: {shown}", soft_wrap=True)
    for one in report.differing[:_SHOWN]:
        console.print(_told(one), soft_wrap=True)
    if report.differing_decisions > _SHOWN:
        console.print(
            f"and {report.differing_decisions - _SHOWN:,} more decisions; --json names up to {MOST_DECISIONS}"
        )
        console.print(_table(report.features))


def _explained(verdict: Verdict, count: int, where: Occurrence, why: str) -> str:
    accounts = ""
    if verdict in {Verdict.STALE, Verdict.BY_HAND}:
        more = ", …" if where.decisions > len(where.accounts) else ""
        accounts = f" ({', '.join(escape(plain(each)) for each in where.accounts)}{more})"
    return f"[dim]explained:[/dim] {count:,} {verdict} in {_count(where.decisions, 'decision')}{accounts}: {why}"


def _told(one: DifferingDecision) -> str:
    named = "; ".join(
        f"{each.feature}: served {_text(each.served)}, is {_text(each.recomputed)}" for each in one.values[:_VALUES]
    )
    more = f"; and {len(one.values) - _VALUES} more" if len(one.values) > _VALUES else ""
    return (
        f"[red]{one.verdict}[/red]  decision {escape(plain(one.decision_id))} on {escape(plain(one.account_id))}, "
        f"{_count(len(one.values), 'value')}: {escape(plain(named + more))}"
    )


def _text(value: FeatureScalar | None) -> str:
    if value is None:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _left_out(report: SkewReport) -> list[tuple[int, str]]:
    risk = sum(count for name, count in report.not_compared.items() if name.startswith("account_risk__"))
    other = sum(report.not_compared.values()) - risk
    lookups = [(count, f"decisions without signals: {status}") for status, count in report.without_lookup.items()]
    rest = [
        (report.erased, "decisions on accounts that were erased since"),
        (report.removed, "decisions whose events were removed since for their age (signals.keep_events_days)"),
        (risk, "values of the risk model, which depend on its version"),
        (other, "values of features that this release does not have"),
    ]
    return [(count, why) for count, why in (*lookups, *rest) if count]


def _table(features: Mapping[str, FeatureSkew]) -> Table:
    """The features that differ in most decisions: a definition that changed shows in one of them."""
    odd = {name: sum(one.verdicts[each] for each in _DIFFERENCES) for name, one in features.items()}
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    table.add_column("feature")
    table.add_column("differs", justify="right", style="red")
    table.add_column("of", justify="right")
    for name, count in sorted(odd.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]:
        if count:
            table.add_row(name, f"{count:,}", f"{features[name].verdicts.total():,}")
    return table
