"""`tidegate status`: each part of the stack, its state and its address."""

import json
from dataclasses import replace
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tidegate.serving.settings import Settings
from tidegate.serving.stack.probe import serves
from tidegate.serving.stack.state import PartState, StackPhase, StackState, read_state

_COLOURS = {
    PartState.WAITING: "dim",
    PartState.READY: "green",
    PartState.STARTING: "yellow",
    PartState.RESTARTING: "yellow",
    PartState.FAILED: "red",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Shows each part of the stack, its state and its address. Fails unless decisions are being made."""
    state = read_state(settings.state_dir.resolve())
    serving = state is not None and serves(state.grpc_address)
    if state is not None and state.phase is StackPhase.READY and not serving:
        state = _not_serving(state)
    if as_json:
        click.echo(json.dumps({**as_document(state), "serving": serving}))
    elif state is None:
        click.echo("no stack is running here; `tidegate up` starts one")
    else:
        _draw(state)
    if not serving:
        raise click.exceptions.Exit(1)


def _not_serving(state: StackState) -> StackState:
    """The router as it answers now: the supervisor does not ask it all the time."""
    parts = (replace(part, state=PartState.FAILED) if part.name == "router" else part for part in state.parts)
    return replace(state, parts=tuple(parts), reason="grpc.health.v1 does not answer SERVING")


def as_document(state: StackState | None) -> dict[str, Any]:
    """The stack's state in the machine format."""
    if state is None:
        return {"phase": "STOPPED", "grpc_address": None, "topology": None, "parts": [], "reason": ""}
    parts = [{"name": part.name, "state": part.state, "address": part.address, "pid": part.pid} for part in state.parts]
    return {
        "phase": state.phase,
        "pid": state.pid,
        "grpc_address": state.grpc_address,
        "topology": state.topology,
        "parts": parts,
        "reason": state.reason,
    }


def _draw(state: StackState) -> None:
    table = Table(title=f"{state.phase} ({state.topology}), gRPC at {state.grpc_address}", title_justify="left")
    for column in ("part", "state", "address", "pid"):
        table.add_column(column, overflow="fold")
    for part in state.parts:
        colour = _COLOURS[part.state]
        table.add_row(part.name, f"[{colour}]{part.state}[/{colour}]", part.address, str(part.pid or ""))
    console = Console()
    console.print(table)
    if state.reason:
        console.print(f"[red]{state.reason}[/red]")
