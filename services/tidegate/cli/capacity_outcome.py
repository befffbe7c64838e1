"""How a simulated run is shown."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.capacity.scenario import Outcome, Scenario

_WORST = 5
_ENGINES = {
    "events": "every item played",
    "fluid": "as a fluid: too many items to play each; --engine events does it nevertheless",
}


def outcome_document(outcome: Outcome, scenario: Scenario, told: dict[str, Any]) -> dict[str, Any]:
    """Everything that went in and came out, but for single items."""
    counts = ("arrived", "good", "late", "shed", "in_system", "overdue", "peak_replicas", "replica_hours", "changes")
    return {
        **told,
        "scenario": asdict(scenario),
        **{name: getattr(outcome, name) for name in counts},
        "lost_share": outcome.lost_share,
        "series": asdict(outcome.series),
    }


def draw_outcome(console: Console, outcome: Outcome, scenario: Scenario, told: dict[str, Any]) -> None:
    """What was lost and what it cost; then when it was lost."""
    target = "" if told["target"] is None else f", target {told['target']:g}"
    head = f"{told['deployment']}, {scenario.service_s * 1e3:.3g} ms of CPU an item, {told['scaler']}{target}"
    console.print(f"[bold]{escape(head)}[/bold]", soft_wrap=True)
    console.print(
        f"[dim]start-up {scenario.start_up_s:g} s, budget {scenario.admission.budget_s * 1e3:g} ms, "
        f"{scenario.balancing}, seed {scenario.seed}; {_ENGINES[told['engine']]}[/dim]",
        soft_wrap=True,
    )
    console.print(_totals(outcome, scenario))
    if outcome.shed + outcome.late:
        console.print("\n[bold]Where most was lost[/bold]")
        console.print(_losses(outcome))


def _totals(outcome: Outcome, scenario: Scenario) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    table.add_column(style="dim")
    arrived = outcome.arrived or 1.0
    table.add_row("arrived", f"{outcome.arrived:,.0f}", "items")
    table.add_row("in time", f"{outcome.good:,.0f}", f"{outcome.good / arrived:.3%}")
    table.add_row("late", f"{outcome.late:,.0f}", f"{outcome.late / arrived:.3%}, answered after their budget")
    table.add_row("shed", f"{outcome.shed:,.0f}", f"{outcome.shed / arrived:.3%}, told to come back")
    table.add_row("not done at the end", f"{outcome.in_system:,.0f}", f"{outcome.overdue:,.0f} of them overdue")
    table.add_row("lost goodput", f"{outcome.lost_share:.3%}", "shed, late and overdue")
    table.add_row("peak replicas", f"{outcome.peak_replicas:,}", f"{scenario.replicas:,} at the start")
    table.add_row("replica hours", f"{outcome.replica_hours:,.2f}", "of one core, starting ones counted")
    table.add_row("changes", f"{outcome.changes:,}", "of the autoscaler's mind")
    return table


def _losses(outcome: Outcome) -> Table:
    series = outcome.series
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("from s", "arrived/s", "late/s", "shed/s", "ready", "starting"):
        table.add_column(heading, justify="right")
    lost = [late + shed for late, shed in zip(series.late, series.shed, strict=True)]
    worst = sorted(sorted(range(len(lost)), key=lambda index: -lost[index])[:_WORST])
    for index in worst:
        if lost[index]:
            rates = (counts[index] / series.bin_s for counts in (series.arrived, series.late, series.shed))
            table.add_row(
                f"{index * series.bin_s:,.0f}",
                *(f"{rate:,.0f}" for rate in rates),
                f"{series.ready[index]:,}",
                f"{series.starting[index]:,}",
            )
    return table
