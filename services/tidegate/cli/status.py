"""`tidegate status`: each part of the stack, its state and its address."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tidegate.cli.status_now import as_it_is_now
from tidegate.serving.settings import Settings
from tidegate.serving.stack.probe import serves
from tidegate.serving.stack.state import PartState, StackState, read_state

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
    if state is not None:
        state = as_it_is_now(state, serving=serving)
    if as_json:
        click.echo(json.dumps({**as_document(state), "serving": serving}))
    elif state is None:
        click.echo("no stack is running here; `tidegate up` starts one")
    else:
        _draw(state)
    if not serving:
        raise click.exceptions.Exit(1)


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
        console.print(state.reason, style="red", markup=False, soft_wrap=True)
