"""`tidegate stream`: items from standard input, decisions to standard output, as they complete."""

import sys
from pathlib import Path

import click

from tidegate.cli.bulk import moderate_lines
from tidegate.cli.connection import connected
from tidegate.serving.settings import Settings


@click.command()
@click.option("--budget-ms", type=click.FloatRange(min=0, min_open=True), help="How long each decision may take.")
@click.option("--explain", is_flag=True, help="Adds how each rule came out.")
@click.option("--trace/--no-trace", default=False, help="Whether each item is traced.", show_default=True)
@click.option("--address", help="host:port; by default the stack running here.")
@click.option("--json/--no-json", "as_json", default=True, help="--no-json prints a summary instead.")
@click.pass_obj
def stream(
    settings: Settings, budget_ms: float | None, explain: bool, trace: bool, address: str | None, as_json: bool
) -> None:
    """Decides on items from standard input (JSON Lines), one line out per item. Fails with the number refused."""
    with connected(settings, address, traced=trace) as client:
        failures = moderate_lines(
            client, sys.stdin, total=None, base=Path(), budget_ms=budget_ms, explain=explain, as_json=as_json
        )
    sys.exit(failures)
