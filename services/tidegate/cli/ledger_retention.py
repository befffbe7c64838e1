"""`tidegate ledger retention`: removes decisions of days that are older than is kept."""

import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.ledger.archive import LedgerPlace, LedgerUnreadableError
from tidegate.ledger.retention import DayOutcome, DayReport, Rule, retain
from tidegate.ledger.retention_anchors import Reason

_STYLES = {DayOutcome.REMOVED: "green", DayOutcome.DUE: "yellow"}


@click.command("retention")
@ledger_option
@click.option(
    "--keep-days",
    type=click.IntRange(1, 365_000),
    required=True,
    help="Days before today (UTC) that stay; older ones go.",
)
@click.option(
    "--exported-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="A day goes only if this folder of `tidegate ledger export` holds every record of it, byte for byte.",
)
@click.option("--not-exported", is_flag=True, help="Days go without an export.")
@click.option("--dry-run", is_flag=True, help="Looks and tells; removes nothing.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def retention_command(
    place: LedgerPlace, keep_days: int, exported_to: Path | None, not_exported: bool, dry_run: bool, as_json: bool
) -> None:
    """Removes whole days (UTC) of decisions that are older than --keep-days days. Never today's or later ones.

    Chains can be verified afterwards: an anchor stays in place of what was removed. An idempotency key goes with its
    decision: a repeated request is decided anew. Safe while routers write; killed, the same call goes on. Fails if a
    day that is due had to stay. One of --exported-to and --not-exported is required.
    """
    if (exported_to is None) is not not_exported:
        raise click.UsageError(
            "Give either --exported-to DIR, where `tidegate ledger export` has written the days, or --not-exported."
        )
    if exported_to is not None and not exported_to.is_dir():
        raise click.ClickException(
            f"There is no export in {exported_to}, so no day may go. `tidegate ledger export --out DIR` writes one."
        )
    rule = Rule(Reason(keep_days, _named(exported_to), _command(keep_days, exported_to)), exported_to, dry_run=dry_run)
    try:
        with opened(place) as archive, place.remover() as remover, progress_bar() as bar:
            task = bar.add_task("checking", total=None)
            first_kept = rule.first_kept(remover.today())
            days = list(retain(archive, remover, rule, progress=lambda read: bar.advance(task, read)))
            free = remover.reclaimable_bytes()
    except LedgerUnreadableError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json(_as_json(days, first_kept, dry_run=dry_run, free=free))
    else:
        _draw(days, first_kept, place, free=free)
    if any(day.is_left for day in days):
        raise click.exceptions.Exit(1)


def _named(folder: Path | None) -> str:
    return "" if folder is None else str(folder)


def _command(keep_days: int, exported_to: Path | None) -> str:
    where = ["--not-exported"] if exported_to is None else ["--exported-to", str(exported_to)]
    return shlex.join(["tidegate", "ledger", "retention", "--keep-days", str(keep_days), *where])


def _as_json(days: Sequence[DayReport], first_kept: date, *, dry_run: bool, free: int) -> dict[str, Any]:
    return {
        "first_kept": first_kept.isoformat(),
        "dry_run": dry_run,
        "records": sum(day.records for day in days),
        "left": sum(day.is_left for day in days),
        "reclaimable_bytes": free,
        "days": [
            {
                "day": day.day.isoformat(),
                "outcome": day.outcome.value,
                "records": day.records,
                "detail": day.detail,
            }
            for day in days
        ],
    }


def _draw(days: Sequence[DayReport], first_kept: date, place: LedgerPlace, *, free: int) -> None:
    console = Console(highlight=False)
    if not days:
        console.print(f"nothing to remove: no decision is from before {first_kept}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("day", "what", "decisions", "why"):
        table.add_column(heading, overflow="fold")
    for day in days:
        what = Text(day.outcome.value, style=_STYLES.get(day.outcome, "red"))
        table.add_row(day.day.isoformat(), what, f"{day.records:,}" if day.records else "", Text(day.detail))
    console.print(table)
    for outcome, said in ((DayOutcome.REMOVED, "removed"), (DayOutcome.DUE, "would be removed (dry run)")):
        records = [day.records for day in days if day.outcome is outcome]
        if records:
            console.print(f"{sum(records):,} decisions of {len(records):,} days {said}")
    left = sum(day.is_left for day in days)
    if left:
        console.print(f"{left:,} days had to stay: see why, and run this again")
    if free:
        console.print(
            f"{free / 2**20:,.1f} MiB in {place} are free for new decisions. To give them back to the disk, stop"
            f" Tidegate and run: sqlite3 {shlex.quote(str(place))} VACUUM",
            soft_wrap=True,
        )
