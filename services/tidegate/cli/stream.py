"""`tidegate stream`: items from standard input, decisions to standard output, as they complete."""

import sys
from pathlib import Path

import click

from tidegate.cli.bulk import BULK_RETRY, moderate_lines
from tidegate.cli.bulk_report import BulkReport
from tidegate.cli.connection import connected
from tidegate.cli.line_reader import lines_of, unbuffered
from tidegate.cli.server_options import Server, server_options
from tidegate.serving.settings import Settings


@click.command()
@click.option("--budget-ms", type=click.FloatRange(min=0, min_open=True), help="How long each decision may take.")
@click.option("--explain", is_flag=True, help="Adds how each rule came out.")
@click.option("--trace/--no-trace", default=False, help="Whether each item is traced.", show_default=True)
@server_options
@click.option("--json/--no-json", "as_json", default=True, help="--no-json prints a summary instead.")
@click.pass_obj
def stream(
    settings: Settings, budget_ms: float | None, explain: bool, trace: bool, server: Server, as_json: bool
) -> None:
    """Decides on items from standard input (JSON Lines), one line out per item, each as soon as it is decided.

    An item that is refused gives a line with its error, and the rest goes on. The exit status is the number of items
    refused, 250 at most.
    """
    report = BulkReport(as_json=as_json, total=None)
    lines = lines_of(unbuffered(sys.stdin.buffer))
    with connected(settings, server, traced=trace, retry=BULK_RETRY) as client:
        sys.exit(moderate_lines(client, lines, report, base=Path(), budget_ms=budget_ms, explain=explain))
