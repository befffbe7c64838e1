"""`tidegate ledger`: whether the decision ledger is whole, and how much it holds. Reads the store, not the service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tidegate.cli.lazy_group import LazyGroup
from tidegate.cli.output import print_json, told_os_error, warn
from tidegate.ledger.archive import LedgerArchive, LedgerPlace, LedgerStatistics, LedgerUnreadableError
from tidegate.ledger.record_format import RecordFormatError
from tidegate.ledger.retention_anchors import Removal
from tidegate.ledger.sqlite_place import SqlitePlace
from tidegate.ledger.verify import VerifyReport, verify
from tidegate.serving.ledger_store import ConfiguredLedger, postgres_place
from tidegate.serving.settings import SettingsError


class LedgerParameter(click.ParamType[LedgerPlace]):
    """A ledger's file, or a PostgreSQL connection URI."""

    name = "ledger"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> LedgerPlace:
        """From the command line, or from the settings."""
        try:
            if isinstance(value, ConfiguredLedger):
                return value.place()
            if str(value).startswith(("postgres://", "postgresql://")):
                return postgres_place(str(value))
        except SettingsError as error:
            raise click.ClickException(f"settings: {error}") from error
        path = Path(str(value))
        if path.is_dir():
            self.fail(f"{path} is a directory.", param, ctx)
        return SqlitePlace(path)


ledger_option = click.option(
    "--ledger",
    "place",
    metavar="FILE|URI",
    type=LedgerParameter(),
    default=".tidegate/ledger.db",
    show_default=True,
    help="A SQLite ledger's file, or postgresql://…; by default the ledger of the settings.",
)


class DamagedError(click.ClickException):
    """Something is there and can't be used: what is not there yet is another matter to some commands."""


@contextmanager
def opened(place: LedgerPlace) -> Iterator[LedgerArchive]:
    """The ledger to read, or a sentence for people why it can't be."""
    try:
        with place.opened() as archive:
            yield archive
    except LedgerUnreadableError as error:
        raise click.ClickException(str(error)) from error
    except RecordFormatError as error:
        problem = f"The ledger at {place} holds a record that can't be read ({error})"
        raise DamagedError(f"{problem}; `tidegate ledger verify` names it.") from error


def progress_bar() -> Progress:
    """On standard error, gone when done; silent where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


WRONG_IN_LEDGER = "See with `tidegate ledger verify` whether it was altered"
"""What to do about a record with a value that its field can't have: otherwise another release wrote it."""

_NAMED = 20
"""Most records that are named one by one."""

LATER = {
    "retention": ("tidegate.cli.ledger_retention", "retention_command", "Removes days that are older than is kept."),
}


@click.group(cls=LazyGroup, later=LATER)
def ledger() -> None:
    """Verifies, exports and measures the decision ledger, and removes old days from it."""


@ledger.command("verify")
@ledger_option
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def verify_command(place: LedgerPlace, as_json: bool) -> None:
    """Checks every record and every hash chain. Fails if anything was altered, taken out or cut off.

    Note the heads digest elsewhere: a later ledger that was rewritten as a whole can't give it again.
    """
    with opened(place) as archive, archive.snapshot(), progress_bar() as bar:
        task = bar.add_task("verifying", total=archive.count())
        report = verify(archive, progress=lambda walked: bar.advance(task, walked))
    if as_json:
        print_json(_report_as_json(report))
    else:
        _draw_report(report)
    if not report.intact:
        raise click.exceptions.Exit(1)


@ledger.command("migrate")
@ledger_option
def migrate_command(place: LedgerPlace) -> None:
    """Makes the ledger's tables, or brings them to this version. Safe while others do the same, and while it is used.

    Says first if older releases can't use them afterwards. `tidegate up` and every router do this by themselves, where
    the database lets them.
    """
    try:
        place.migrate(warned=warn)
    except LedgerUnreadableError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The ledger at {place} has the tables that this version needs.")


@ledger.command("export")
@ledger_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder; made if need be.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day, UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The day after the last, UTC.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def export_command(
    place: LedgerPlace, out: Path, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """Writes decisions as Parquet files, a folder a day, and the policies that made them.

    What is there already is not written again: interrupted, the same call goes on; later, it adds what came since.
    Fails if a record was altered in the ledger, which gets no row, or if a file of the export is damaged.
    """
    if since and until and since >= until:
        raise click.UsageError("--since must be before --until, which is the day after the last.")
    from tidegate.ledger.export import (  # noqa: PLC0415 - Arrow takes a while
        DamagedExportError,
        ExportGapError,
        ExportUnderWayError,
        ForeignExportError,
        export,
    )

    with opened(place) as archive, progress_bar() as bar:
        task = bar.add_task("exporting", total=archive.count())
        try:
            told = export(
                archive,
                out,
                since=since.date() if since else None,
                until=until.date() if until else None,
                progress=lambda count: bar.advance(task, count),
            )
        except (ExportUnderWayError, ForeignExportError, ExportGapError, DamagedExportError) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"{out} can't be written: {told_os_error(error)}; export again") from error
    if told.removed_unexported:
        click.echo(
            f"{told.removed_unexported:,} decisions of these days are not in {out}: retention removed them before they"
            " were exported there",
            err=True,
        )
    if told.lost:
        click.echo(
            f"{told.lost:,} decisions of these days are in {out} and not in the ledger any more, though nothing removed"
            " them: a standby took over that had not got them. Keep these files",
            err=True,
        )
    for each in told.left_out[:_NAMED]:
        click.echo(
            f"left out: record {each.sequence} of writer {each.writer_id}, decision {each.decision_id}", err=True
        )
    if told.left_out:
        click.echo(
            f"{len(told.left_out):,} decisions of these days have no row in {out}: in the ledger they are not as they"
            " were written, or this version can't read them. `tidegate ledger verify` says what is wrong",
            err=True,
        )
    if as_json:
        print_json({"out": str(out), **asdict(told)})
    else:
        click.echo(
            f"{out}: {told.records:,} decisions written into {told.files:,} files; {told.records_in_all:,} decisions of"
            f" {told.days:,} {'day' if told.days == 1 else 'days'} are there"
        )
    if told.left_out:
        raise click.exceptions.Exit(1)


@ledger.command("stats")
@ledger_option
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def stats_command(place: LedgerPlace, as_json: bool) -> None:
    """Shows how much the ledger holds, and how much retention has removed from it."""
    with opened(place) as archive:
        statistics, removals = archive.statistics(), archive.removals()
    if as_json:
        held = {name: _plain(value) for name, value in asdict(statistics).items()}
        print_json({**held, "removed": _removed_as_json(removals)})
    else:
        _draw_statistics(statistics, removals)


def _report_as_json(report: VerifyReport) -> dict[str, Any]:
    removals = [
        {
            "day": removal.day.isoformat(),
            "records": removal.records,
            "writers": removal.writers,
            "removed_at": removal.removed_at.isoformat(),
            **asdict(removal.reason),
        }
        for removal in report.removals
    ]
    return {"intact": report.intact, **asdict(report), "removals": removals}


def _draw_report(report: VerifyReport) -> None:
    console = Console(highlight=False)
    walked = f"{report.records:,} records of {report.writers:,} writers, {report.policies:,} policies"
    if report.intact:
        console.print(f"[green]intact[/green]  {walked}\nheads digest {report.heads_digest}", soft_wrap=True)
        _draw_removals(console, report)
        return
    console.print(f"[red]broken[/red]  {walked}; the first broken place of each chain:")
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("what", "writer", "record", "decision", "detail"):
        table.add_column(heading, overflow="fold")
    for broken in report.breaks:
        place = str(broken.sequence) if broken.sequence else ""
        table.add_row(broken.kind.value, broken.writer_id, place, broken.decision_id, broken.detail)
    console.print(table)
    _draw_removals(console, report)


def _draw_removals(console: Console, report: VerifyReport) -> None:
    """What is missing by intent. Which runs did it is told, so that it can be compared with what was meant."""
    if not report.removals:
        return
    days = [removal.day for removal in report.removals]
    console.print(
        f"removed by retention, and accounted for: {report.removed:,} records of {len(set(days)):,} days,"
        f" {days[0]} to {days[-1]}",
        soft_wrap=True,
    )
    for (run_on, command), removals in groupby(report.removals, key=_run_of):
        removed = list(removals)
        records = sum(each.records for each in removed)
        console.print(f"  on {run_on}: {records:,} of {len(removed):,} days  {escape(command)}", soft_wrap=True)


def _run_of(removal: Removal) -> tuple[date, str]:
    return removal.removed_at.date(), removal.reason.command


def _removed_as_json(removals: Sequence[Removal]) -> dict[str, Any]:
    days = sorted({removal.day for removal in removals})
    return {
        "records": sum(removal.records for removal in removals),
        "days": len(days),
        "first_day": days[0].isoformat() if days else None,
        "last_day": days[-1].isoformat() if days else None,
    }


def _draw_statistics(statistics: LedgerStatistics, removals: Sequence[Removal]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in asdict(statistics).items():
        shown = f"{value:,}" if isinstance(value, int) else str(_plain(value) or "none")
        table.add_row(name.replace("_", " "), shown)
    removed = _removed_as_json(removals)
    days = f"{removed['days']:,} days, {removed['first_day']} to {removed['last_day']}"
    table.add_row("removed by retention", f"{removed['records']:,} records of {days}" if removals else "none")
    Console(highlight=False).print(table)


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else value
