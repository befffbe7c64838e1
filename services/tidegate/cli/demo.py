"""`tidegate demo`: starts the stack, moderates a dozen items, shows the decisions and where one trace went."""

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import click
import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.cli.connection import connected
from tidegate.cli.demo_items import DemoItem, demo_items
from tidegate.cli.demo_loop import Loop, draw_loop, run_loop
from tidegate.cli.server_options import HERE
from tidegate.cli.steps import Steps
from tidegate.cli.trace import show_trace
from tidegate.cli.up import up
from tidegate.client import Action, Completeness, Decision, ModerationError, TidegateClient, text_part
from tidegate.serving.settings import Settings
from tidegate.serving.stack.probe import serves
from tidegate.serving.stack.state import StackState, read_state

RECOVERY_S = 60.0
BUDGET_MS = 3_000.0
"""Generous: the demo is about decisions, on machines that may be busy with other things."""

_COLOURS = {
    Action.ALLOW: "green",
    Action.LABEL: "cyan",
    Action.AGE_RESTRICT: "yellow",
    Action.LIMIT_REACH: "yellow",
    Action.REVIEW: "magenta",
    Action.BLOCK: "red",
}


@click.command()
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Starts the stack if none runs, moderates a dozen items and explains the decisions. Leaves the stack running."""
    settings: Settings = ctx.obj
    console = Console(highlight=False)
    state = _running(settings)
    if state is None:
        ctx.invoke(up, detach=True, as_json=False)
        state = _running(settings)
    if state is None:
        raise click.ClickException("the stack started and is gone again; `tidegate up` in the foreground shows why")
    started = time.monotonic()
    decided: list[tuple[DemoItem, Decision]] = []
    with connected(settings, HERE, traced=True) as client, Steps("moderating a dozen items") as say:
        for each in demo_items():
            say.glimpse(f"moderating {each.item.content_id}: {each.shows}")
            with _without_triton(state) if each.triton_away else contextlib.nullcontext():
                decided.append((each, _decision(client, each)))
        say("Triton was stopped and starts again by itself")
        back, back_s = _recovered(client, decided[0][0])
        say("three blocks of one account are confirmed, and its next comment is decided")
        loop = run_loop(client, budget_ms=BUDGET_MS)
    console.print(_table(decided))
    console.print(
        f"{len(decided)} decisions in {time.monotonic() - started:.0f} s, each durable in the ledger before its reply. "
        f"Triton was back {back_s:.0f} s after it was stopped, without help.\n"
    )
    console.rule("what was decided before counts: one account, a minute later", align="left")
    draw_loop(console, loop)
    console.rule("where the time of one request went", align="left")
    show_trace(settings.traces_path, back.trace_id)
    console.rule("what to try next", align="left")
    console.print(_next(decided, loop))


def _running(settings: Settings) -> StackState | None:
    state = read_state(settings.state_dir.resolve())
    return state if state is not None and serves(state.grpc_address) else None


def _decision(client: TidegateClient, each: DemoItem) -> Decision:
    try:
        return client.moderate(each.item, budget_ms=BUDGET_MS)
    except ModerationError as error:
        raise click.ClickException(f"{each.item.content_id} got no decision: {error}") from error


@contextlib.contextmanager
def _without_triton(state: StackState) -> Iterator[None]:
    """Kills the Triton server; its supervisor starts it again by itself."""
    runtime = next((part.pid for part in state.parts if part.name == "triton"), None)
    if runtime is None:
        raise click.ClickException("this stack does not run a Triton of its own, so the demo can't stop it")
    for process in psutil.Process(runtime).children(recursive=True):
        if process.name() == "tritonserver":
            process.kill()
            process.wait(5)
    yield


def _recovered(client: TidegateClient, each: DemoItem) -> tuple[Decision, float]:
    """The first COMPLETE decision on words that nobody scored before, and the seconds until then.

    Words that were scored before are decided without Triton, whether it is back or not.
    """
    began = time.monotonic()
    while True:
        asked = replace(each, item=replace(each.item, parts=(text_part("text", f"hello again, {uuid.uuid4().hex}"),)))
        decision = _decision(client, asked)
        if decision.completeness is Completeness.COMPLETE:
            return decision, time.monotonic() - began
        if time.monotonic() - began > RECOVERY_S:
            raise click.ClickException(f"Triton did not come back within {RECOVERY_S:.0f} s; see its log")
        time.sleep(0.2)


def _table(decided: list[tuple[DemoItem, Decision]]) -> Table:
    table = Table(pad_edge=False, box=None, header_style="bold dim")
    table.add_column("action", no_wrap=True)
    table.add_column("item, and what to look at", ratio=5)
    table.add_column("account, market", no_wrap=True)
    table.add_column("why", ratio=3, overflow="fold")
    for each, decision in decided:
        colour = _COLOURS[decision.action]
        action = f"[{colour}]{decision.action}[/{colour}]"
        if decision.completeness is not Completeness.COMPLETE:
            action += f"\n[dim]{decision.completeness}[/dim]"
        words = f"{escape(_shortened(each.words))}\n[dim]{each.shows}[/dim]"
        table.add_row(action, words, f"{each.item.account_id}\n{each.item.market}", _why(decision))
    return table


def _shortened(words: str, limit: int = 48) -> str:
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _why(decision: Decision) -> str:
    if not decision.violations:
        return "no rule fired"
    first = decision.violations[0]
    if first.missing:
        return f"{first.rule} unknown: {first.missing[0]}"
    if first.score is not None and first.threshold is not None:
        return f"{first.rule} ({first.score:.2f} ≥ {first.threshold:.2f})"
    return first.rule


def _next(decided: list[tuple[DemoItem, Decision]], loop: Loop) -> Table:
    command = os.path.relpath(sys.argv[0])
    blocked = decided[6][1].decision_id
    table = Table.grid(padding=(0, 2))
    table.add_row(f"{command} moderate --text 'your own words' --account acct-strikes --explain", "")
    table.add_row(f"{command} decision {blocked} --explain", "any decision again, rule by rule")
    table.add_row(f"{command} trace --list", "every request's waterfall")
    table.add_row(f"{command} policy show comments --market DE", "the rules as they apply there")
    table.add_row(f"{command} replay && {command} ledger verify", "decide all again; check the hash chains")
    table.add_row(f"{command} features show {loop.account_id}", "what was known of that account, value by value")
    table.add_row("make down", "stops the stack")
    return table
