"""`tidegate events`: what happens to accounts, from a file into the event log."""

import time
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.cli.bulk import BULK_RETRY
from tidegate.cli.connection import connected
from tidegate.cli.event_examples import examples
from tidegate.cli.event_file import opened
from tidegate.cli.event_load import LoadReport, load
from tidegate.cli.events_view import draw_kinds, draw_report
from tidegate.cli.output import print_json
from tidegate.client import EventKind, ModerationError
from tidegate.features.events.document import line_of
from tidegate.features.events.event import FIELDS
from tidegate.serving.settings import Settings

_AGAIN: Final = "load the same file again, what is recorded is not recorded twice"


@click.group()
def events() -> None:
    """What happens to accounts: uploads, reports, strikes, appeals. Account signals are computed from it."""


@events.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--backfill", is_flag=True, help="Takes events of up to three years ago, for history loaded once.")
@click.option("--address", help="host:port; by default the stack running here.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def load_command(settings: Settings, file: Path, backfill: bool, address: str | None, as_json: bool) -> None:
    """Records the events in FILE: JSON Lines, plain or gzip, or - for standard input.

    A line that can't be taken is refused and the rest goes on. The exit status is 1 if any was refused, or if the
    service stayed away. Loading a file again is safe: events are told apart by their ids.
    """
    report, started_s = LoadReport(), time.monotonic()
    try:
        with (
            connected(settings, address, traced=False, retry=BULK_RETRY) as client,
            opened(file) as source,
            _bar() as bar,
        ):
            task = bar.add_task("loading", total=source.size_bytes, told="")

            def progress(report: LoadReport) -> None:
                told = f"{report.count:,} events, {report.refused_count:,} refused"
                bar.update(task, completed=source.read_bytes(), told=told)

            load(client, source.stream, report, backfill=backfill, progress=progress)
    except ModerationError as error:
        _show(report, started_s, as_json=as_json)
        raise click.ClickException(f"{error}; {_AGAIN}") from error
    except (OSError, EOFError, zlib.error) as error:
        _show(report, started_s, as_json=as_json)
        raise click.ClickException(f"{file}: can't be read any further ({error}); {_AGAIN}") from error
    _show(report, started_s, as_json=as_json)
    if report.refused_count:
        raise click.exceptions.Exit(1)


@events.command("kinds")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def kinds_command(as_json: bool) -> None:
    """Lists the kinds of events and which fields each carries."""
    if not as_json:
        draw_kinds()
        return
    kinds = [
        {
            "kind": kind.value,
            "required": sorted(fields.required),
            "optional": sorted(fields.optional),
            "sent": kind is not EventKind.DECISION,
        }
        for kind, fields in FIELDS.items()
    ]
    print_json({"kinds": kinds})


@events.command("example")
@click.option("--account", default="account-1", show_default=True, help="Whom the events are about.")
def example_command(account: str) -> None:
    """Prints one event of each kind, as `load` takes them, happening now. Each call makes new ids."""
    for event in examples(account, now=datetime.now(UTC)):
        click.echo(line_of(event), nl=False)


def _show(report: LoadReport, started_s: float, *, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json())
    else:
        draw_report(report, elapsed_s=time.monotonic() - started_s)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
