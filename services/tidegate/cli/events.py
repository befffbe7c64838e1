"""`tidegate events`: what happens to accounts, from a file into the event log."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.cli.bulk import BULK_RETRY
from tidegate.cli.connection import connected
from tidegate.cli.event_examples import examples
from tidegate.cli.event_file import UNREADABLE, OpenedFile, opened
from tidegate.cli.event_load import MOST_LISTED, MOST_TOLD, LoadReport, count_untried, load
from tidegate.cli.events_retention import retention_command
from tidegate.cli.events_view import draw_kinds, draw_report
from tidegate.cli.outage import Outage
from tidegate.cli.output import print_json
from tidegate.cli.server_options import Server, server_options
from tidegate.client import ModerationError
from tidegate.features.events.document import line_of
from tidegate.features.events.event import FIELDS, SENT_KINDS
from tidegate.serving.settings import Settings

_AGAIN: Final = "load the same file again, what is recorded is not recorded twice"
_PATIENCE: Final = "half a minute, two minutes at most"
"""`BULK_RETRY`, within the client's deadline for a part of ten thousand events."""


@click.group()
def events() -> None:
    """What happens to accounts: uploads, reports, strikes, appeals. Account signals are computed from it."""


@events.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--backfill", is_flag=True, help="Takes events of up to three years ago, for history loaded once.")
@server_options
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def load_command(settings: Settings, file: Path, backfill: bool, server: Server, as_json: bool) -> None:
    """Records the events in FILE: JSON Lines, plain or gzip, or - for standard input.

    A line that can't be taken is refused and the rest goes on; people see the first of them, --json lists them all. The
    exit status is 1 if any was refused, or if the service stayed away: then the summary says how many were left without
    an answer or were not tried. Loading a file again is safe: events are told apart by their ids.
    """
    report, started_s = LoadReport(most_kept=MOST_LISTED if as_json else MOST_TOLD), time.monotonic()
    try:
        with opened(file) as source, _bar() as bar:
            _sent(settings, server, source, report, bar, backfill=backfill)
    except ModerationError as error:
        raise click.ClickException(f"{error}; {_AGAIN}") from error
    except UNREADABLE as error:
        raise click.ClickException(f"{file}: can't be read any further ({error}); {_AGAIN}") from error
    finally:
        _show(report, started_s, as_json=as_json)
    if report.refused_count:
        raise click.exceptions.Exit(1)


def _sent(
    settings: Settings, server: Server, source: OpenedFile, report: LoadReport, bar: Progress, *, backfill: bool
) -> None:
    task = bar.add_task("loading", total=source.size_bytes, told="")
    outage = Outage(lambda line: bar.console.print(line, soft_wrap=True, highlight=False), patience=_PATIENCE)

    def progress(report: LoadReport) -> None:
        outage.answered()
        told = f"{report.count:,} events, {report.refused_count:,} refused"
        bar.update(task, completed=source.read_bytes(), told=told)

    try:
        retry = replace(BULK_RETRY, on_pause=outage.paused)
        with connected(settings, server, traced=False, retry=retry) as client:
            load(client, source, report, backfill=backfill, progress=progress)
    except click.ClickException:  # nothing listens there
        count_untried(source, report)
        raise


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
            "sent": kind in SENT_KINDS,
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


events.add_command(retention_command)
