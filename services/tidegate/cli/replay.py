"""`tidegate replay`: decides recorded decisions again. Joins the ledger's replay and the policy engine."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.ledger.archive import LedgerPlace
from tidegate.ledger.replay import Difference, Evaluator, Replay, Tally
from tidegate.ledger.retention_anchors import Removal
from tidegate.moderation.decision import PolicyOutcome
from tidegate.policy.loader import PolicyError, compile_document, load_policy

_SHOWN = 20


class Moment(click.ParamType[datetime]):
    """A date or a time in ISO 8601; without a zone it is UTC."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """From the command line."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-11-22 or 2026-11-22T19:30+01:00", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command("replay")
@ledger_option
@click.option("--since", type=Moment(), help="Only decisions made then or later (ISO 8601; UTC if it names no zone).")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Decides with this policy instead, those decisions that a policy of the same id made: what would change.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines: one object with every difference.")
def replay(place: LedgerPlace, since: datetime | None, policy_file: Path | None, as_json: bool) -> None:
    """Decides recorded decisions again from their recorded inputs and policies. Fails on any difference."""
    instead = None if policy_file is None else _policy_instead(policy_file)
    with opened(place) as archive, progress_bar() as bar:
        again = Replay(archive, compile_policy=compile_document, shadow_of=PolicyOutcome.in_shadow, instead=instead)
        task = bar.add_task("replaying", total=archive.count(since=since))
        removals = archive.removals(since=None if since is None else since.astimezone(UTC).date())
        differences = again.differences(since=since, progress=lambda replayed: bar.advance(task, replayed))
        if as_json:
            _print_json(differences, again.tally, removed=sum(removal.records for removal in removals))
        else:
            _draw(differences, again.tally, removals)
    if again.tally.differing:
        raise click.exceptions.Exit(1)


def _policy_instead(file: Path) -> dict[str, Evaluator]:
    try:
        policy = load_policy(file)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error
    return {policy.reference.id: policy}


def _print_json(differences: Iterator[Difference], tally: Tally, *, removed: int) -> None:
    """One object, written as it comes: a replay may find more differences than memory holds."""
    click.echo('{"differences": [', nl=False)
    for number, difference in enumerate(differences):
        click.echo((b", " if number else b"") + orjson.dumps(_as_json(difference)), nl=False)
    counts = f'"decisions": {tally.decisions}, "replayed": {tally.replayed}, "differing": {tally.differing}'
    click.echo(f'], {counts}, "removed_by_retention": {removed}}}')


def _as_json(difference: Difference) -> dict[str, Any]:
    return {
        "decision_id": difference.decision_id,
        "kind": difference.kind.value,
        "policy_digest": difference.policy_digest,
        "recorded": difference.recorded,
        "replayed": difference.replayed,
    }


def _draw(differences: Iterator[Difference], tally: Tally, removals: Sequence[Removal]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 2, 0, 0))
    for heading in ("decision", "what", "recorded", "replayed"):
        table.add_column(heading, overflow="fold")
    kinds: Counter[str] = Counter()
    for difference in differences:
        kinds[difference.kind] += 1
        if table.row_count < _SHOWN:
            cells = (difference.decision_id, difference.kind.value, difference.recorded, difference.replayed)
            table.add_row(*(Text(_cell(cell)) for cell in cells))
    console = Console(highlight=False)
    if kinds:
        console.print(table)
    if kinds.total() > _SHOWN:
        console.print(f"and {kinds.total() - _SHOWN:,} more differences; --json lists all")
    outcome = f"{tally.differing:,} differ" if tally.differing else "no difference"
    style = "red" if tally.differing else "green"
    console.print(f"[{style}]{outcome}[/{style}]  {tally.replayed:,} of {tally.decisions:,} decisions replayed")
    for kind, count in kinds.most_common():
        console.print(f"  {kind} {count:,}")
    if removals:
        removed, days = sum(removal.records for removal in removals), {removal.day for removal in removals}
        told = f"{removed:,} decisions of {len(days):,} days, {min(days)} to {max(days)}"
        console.print(f"{told}, were removed by retention: they can't be decided again from here", soft_wrap=True)


def _cell(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
