"""`tidegate events retention`: removes events that no account signal reads any more."""

import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from tidegate.cli.ledger import progress_bar
from tidegate.cli.output import print_json
from tidegate.features.retention.period import LEAST_DAYS, MOST_DAYS, KeptTooShortError, days_back, require_days
from tidegate.serving.settings import Settings

if TYPE_CHECKING:
    from tidegate.features.retention.sqlite_remover import RetentionState, SqliteEventRemover


def _days(context: click.Context, parameter: click.Parameter, value: int | None) -> int:
    del parameter
    chosen = value if value is not None else context.obj.signals.keep_events_days
    if chosen is None:
        raise click.UsageError(
            f"Give --keep-days, at least {LEAST_DAYS}; signals.keep_events_days is not set, so all events are kept."
        )
    if chosen > MOST_DAYS:
        raise click.BadParameter(f"must be at most {MOST_DAYS} days, is {chosen}.")
    try:
        return require_days(chosen)
    except KeptTooShortError as error:
        raise click.BadParameter(f"{error}.") from error


@click.command("retention")
@click.option(
    "--keep-days",
    type=int,  # a range of click's would be shown as x<=365000
    metavar=f"{LEAST_DAYS} to {MOST_DAYS}",
    callback=_days,
    help="Days that events are kept which signals read furthest back.  [default: signals.keep_events_days]",
)
@click.option("--dry-run", is_flag=True, help="Looks and tells; removes nothing.")
@click.option("--clock-is-right", is_flag=True, help="Removes though no event but decisions occurred in the last day.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def retention_command(settings: Settings, keep_days: int, dry_run: bool, clock_is_right: bool, as_json: bool) -> None:
    """Removes account events that no signal reads any more, nor will for training sets of the last days.

    Events of kinds that signals read less far back go that much earlier. An account's first event, its newest profile
    and its strikes stay. No signal changes. Safe while the stack runs; killed, the same call goes on. With
    signals.keep_events_days set, a running stack does the same by itself.
    """
    path = settings.events_path
    if not path.is_file():
        raise click.ClickException(f"There is no event log at {path}.")
    # Arrow, which the rule comes with, takes as long to import as all else of the command.
    from tidegate.features.events.log import EventLogUnavailableError  # noqa: PLC0415 - see above
    from tidegate.features.retention.sqlite_remover import SqliteEventRemover  # noqa: PLC0415 - as above

    timeout_s = settings.signals.timeout_ms / 1000.0
    _require_current(path, timeout_s=timeout_s)
    try:
        with closing(SqliteEventRemover(path, timeout_s=timeout_s, clock=lambda: datetime.now(UTC))) as remover:
            if dry_run:
                removed, _ = remover.preview(keep_days)
            else:
                if not clock_is_right and not remover.clock_borne_out():
                    raise click.ClickException(
                        f"Nothing was removed: by this machine's clock it is {datetime.now(UTC):%Y-%m-%d %H:%M} UTC,"
                        " and no event but decisions occurred within a day of that. What goes by a wrong clock"
                        " can't be put back. If the clock is right, give --clock-is-right."
                    )
                removed = _removed(remover, keep_days)
            state = remover.state()
    except EventLogUnavailableError as error:
        raise click.ClickException(f"The event log at {path} can't be written or read: {error}.") from error
    if as_json:
        told = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in asdict(state).items()}
        print_json({"events": removed, "dry_run": dry_run, "keep_days": keep_days, **told})
        return
    _draw(path, removed, keep_days, dry_run=dry_run, state=state)


def _require_current(path: Path, *, timeout_s: float) -> None:
    from tidegate.features.events.sqlite_schema import is_of_older_version  # noqa: PLC0415 - as above

    try:
        older = is_of_older_version(path, timeout_s=timeout_s)
    except sqlite3.Error as error:
        raise click.ClickException(f"The event log at {path} can't be written or read: {error}.") from error
    if older:
        raise click.ClickException(
            f"The event log at {path} is of an older version of Tidegate, and was left as it is: an older stack that"
            " runs could not use it any more. Start the stack of this version on it once, then try again."
        )


def _removed(remover: "SqliteEventRemover", keep_days: int) -> int:
    removed = 0
    with progress_bar() as bar:
        task = bar.add_task("removing", total=None)
        while True:
            step = remover.step(keep_days)
            removed += step.events
            bar.advance(task, step.events)
            if step.finished:
                return removed


def _draw(path: Path, removed: int, keep_days: int, *, dry_run: bool, state: "RetentionState") -> None:
    console = Console(highlight=False)
    console.print(f"{removed:,} events {'would go' if dry_run else 'removed'} from {path}", soft_wrap=True)
    console.print(
        f"signals of the last {days_back(keep_days)} days can be computed as they were; the file has"
        f" {state.size_bytes / 1e6:,.1f} MB, {state.reusable_bytes / 1e6:,.1f} of them free for new events",
        soft_wrap=True,
    )
