"""How a plan is shown: a table for whoever sizes a cluster, one object for machines."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.capacity.costs import Costs
from tidegate.capacity.demand import Demand
from tidegate.capacity.need import DeploymentNeed, Plan

_FROM_WHOLE = 100


def plan_document(demand: Demand, costs: Costs, plan: Plan) -> dict[str, Any]:
    """Everything that went in and came out."""
    return {
        "demand": demand.model_dump(mode="json"),
        "machine": costs.machine,
        "deployments": [asdict(each) for each in plan.deployments],
        "needs": [asdict(each) for each in plan.needs],
        "limits": list(plan.limits),
        "sources": {name: figure.model_dump(mode="json") for name, figure in plan.cited.items()},
    }


def draw_plan(console: Console, demand: Demand, costs: Costs, plan: Plan) -> None:
    """What, how many, why; then the assumptions, the sources, and what stands in the way."""
    numbers = {name: number for number, name in enumerate(plan.cited, start=1)}
    told = f"{demand.items_per_second:,.0f} items/s at the peak, {demand.topology}, {demand.calls} calls"
    console.print(f"[bold]{told}, cores {demand.utilisation:.0%} busy[/bold]", soft_wrap=True)
    console.print(f"[yellow]costs measured on:[/yellow] {escape(costs.machine)}\n", soft_wrap=True)
    console.print(_deployments(plan, numbers))
    console.print()
    console.print(_needs(plan, numbers))
    if plan.limits:
        console.print("\n[bold yellow]What stands in the way at this size, as it is built[/bold yellow]")
        for limit in plan.limits:
            console.print(f"  {escape(limit)}", soft_wrap=True)
    console.print("\n[bold]Assumptions[/bold] (yours to change: --mix, --utilisation and so on)")
    for line in _assumptions(demand):
        console.print(f"  {escape(line)}", soft_wrap=True)
    console.print("\n[bold]Sources[/bold]")
    for name, number in numbers.items():
        figure = plan.cited[name]
        value = f"{figure.value:,g} {figure.unit}"
        console.print(
            f"  [dim]{number:>3}[/dim]  {escape(name)} = {escape(value)}: {escape(figure.what)}", soft_wrap=True
        )
        console.print(f"       [dim]{escape(figure.cited())}[/dim]", soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in headings:
        number = heading in {"replicas", "busy cores", "amount"}
        table.add_column(heading, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def _deployments(plan: Plan, numbers: dict[str, int]) -> Table:
    table = _table("deployment", "replicas", "busy cores", "why")
    for each in plan.deployments:
        for row, work in enumerate(each.work):
            why = f"{amount(work.per_second)}/s {work.what} x {work.cost_ms:.3g} ms"
            first = (each.name, f"{each.replicas:,}", amount(each.busy_cores)) if row == 0 else ("", "", "")
            table.add_row(*first, f"{escape(why)} {_marks(work.figures, numbers)}")
        if each.bound:
            table.add_row("", "", "", f"[yellow]{escape(each.bound)}[/yellow]")
    table.add_row("[bold]all[/bold]", *_totals(plan.deployments), "[dim]one core a replica[/dim]")
    return table


def _totals(deployments: list[DeploymentNeed] | Any) -> tuple[str, str]:
    return f"{sum(each.replicas for each in deployments):,}", amount(sum(each.busy_cores for each in deployments))


def _needs(plan: Plan, numbers: dict[str, int]) -> Table:
    table = _table("what", "", "amount", "unit", "why")
    section = ""
    for need in plan.needs:
        told = "[yellow]not told[/yellow]" if need.amount is None else amount(need.amount)
        name = need.section if need.section != section else ""
        section = need.section
        table.add_row(name, need.what, told, need.unit, f"{escape(need.why)} {_marks(need.figures, numbers)}")
    return table


def _marks(figures: tuple[str, ...], numbers: dict[str, int]) -> str:
    return f"[dim]\\[{','.join(str(numbers[name]) for name in figures)}][/dim]" if figures else ""


def amount(value: float) -> str:
    """Whole from a hundred on and where it is whole, three digits below."""
    if abs(value) >= _FROM_WHOLE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _assumptions(demand: Demand) -> list[str]:
    mix = demand.mix
    lines = [
        f"{name}: {each.share:.2%} of items; in each {each.texts:g} texts, {each.images:g} images, {each.audio:g} audio"
        for name, each in mix.surfaces.items()
    ]
    lines.append(
        f"texts that the score cache answers: {mix.repeated_texts:.0%}; texts are as short as the measured ones"
    )
    lines.append(
        f"images: {mix.image_kib:g} KiB, {mix.read_images:.0%} read for words, {mix.known_pictures:,.0f} hashes known"
    )
    lines.append(
        f"audio: {mix.audio_seconds:g} s of {mix.audio_kbit_s:g} kbit/s, {mix.words_per_audio_second:g} words a second"
    )
    lines.append(
        f"at least {demand.least_replicas} replicas of a core each; nodes of {demand.node_cores} cores; "
        f"mean of a day {demand.mean_share:.0%} of the peak; every text passes every text detector"
    )
    return lines
