"""`tidegate features training-set`: decisions with labels and with features as they were before the decision."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.cli.output import print_json, told_os_error, warn
from tidegate.cli.replay import Moment
from tidegate.features.events.log import EventLog, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.settled_option import SettledOption
from tidegate.ledger.archive import LedgerPlace
from tidegate.moderation.item import Surface
from tidegate.training_sets.export import Wanted, decisions, write_training_set
from tidegate.training_sets.rows import pseudonyms

_KEY_BYTES = 16

events_option = click.option(
    "--events",
    "events_path",
    cls=SettledOption,
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The event log's file (events.db in the state directory).",
)


@contextmanager
def event_log(path: Path) -> Iterator[EventLog]:
    """The event log to read, or a sentence for people why it can't be."""
    if not path.is_file():
        raise click.ClickException(f"There is no event log at {path}.")
    try:
        log = SqliteEventLog(path)
        try:
            yield log
        finally:
            log.close()
    except EventLogUnavailableError as error:
        raise click.ClickException(f"The event log at {path} can't be read: {error}.") from error


@click.command("training-set")
@ledger_option
@events_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Parquet file to write.")
@click.option("--since", type=Moment(), help="Only decisions made then or later.")
@click.option("--until", type=Moment(), help="Only decisions made before.")
@click.option("--surface", type=click.Choice([surface.value for surface in Surface]), default=None)
@click.option("--with-account-ids", is_flag=True, help="Account ids as they are; by default keyed digests of them.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Key of the digests, 16 bytes or more, so that files can be joined; by default a new one that is not kept.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def training_set(
    place: LedgerPlace,
    events_path: Path,
    out: Path,
    since: datetime | None,
    until: datetime | None,
    surface: str | None,
    with_account_ids: bool,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Joins decisions with labels and with account signals as of the decision, into one Parquet file.

    A value or an event later than the decision cannot get in, nor one that was recorded later. Decisions
    are left out, and counted, if events that their signals come from were removed for their age.
    """
    name = str if with_account_ids else pseudonyms(_key(key_file))
    with opened(place) as archive, event_log(events_path) as log, progress_bar() as bar:
        task = bar.add_task("joining", total=archive.count(since=since))
        wanted = Wanted(until, surface or "")
        records = decisions(archive.payloads(since=since), wanted, progress=lambda: bar.advance(task))
        try:
            written = write_training_set(out, records, log, name=name)
        except OSError as error:
            raise click.ClickException(f"{out} can't be written: {told_os_error(error)}.") from error
    since = written.signals_since
    if written.left_out and since is not None:
        told = f"{written.left_out:,} decision{'' if written.left_out == 1 else 's'} before {since:%Y-%m-%d %H:%M} UTC"
        warn(
            f"left out: {told}. Events that their signals come from were removed for their age"
            " (signals.keep_events_days)"
        )
    if as_json:
        print_json({"out": str(out), **asdict(written), "signals_since": since and since.isoformat()})
        return
    click.echo(
        f"{out}: {written.decisions:,} decisions, {written.known:,} of accounts with a history,"
        f" {written.labelled:,} reviewed, {written.overturned:,} of them overturned"
    )


def _key(path: Path | None) -> bytes:
    if path is None:
        return secrets.token_bytes(32)
    key = path.read_bytes()
    if len(key) < _KEY_BYTES:
        raise click.BadParameter(f"holds {len(key)} bytes, must hold {_KEY_BYTES} or more", param_hint="--key-file")
    return key
