"""`tidegate features quality`: whether events and account signals are as expected."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tidegate.cli.features_training_set import event_log, events_option
from tidegate.cli.ledger import WRONG_IN_LEDGER, DamagedError, ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.cli.replay import Moment
from tidegate.data_quality.event_quality import DamagedProfileError, EventQuality
from tidegate.data_quality.expectations import SHIPPED, Expectations, ExpectationsError, load_expectations
from tidegate.data_quality.findings import Finding, Subject, Verdict
from tidegate.data_quality.row_quality import RowsUnusableError, parts, row_findings
from tidegate.data_quality.served_values import served_values
from tidegate.data_quality.typed_values import WrongTypeError
from tidegate.data_quality.value_quality import ValueQuality
from tidegate.features.batch.run_directory import NothingPublishedError
from tidegate.features.commands import state_option
from tidegate.features.events.columns import microseconds
from tidegate.features.history import OFFLINE
from tidegate.ledger.archive import LedgerPlace
from tidegate.training_sets.export import Wanted, decisions

_DAY = timedelta(days=1)
_ACCOUNTS_AT_ONCE = 1_000
_COLOURS = {Verdict.HOLDS: "green", Verdict.BROKEN: "red", Verdict.TOO_FEW: "dim"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What to judge, and where it lies."""

    expectations: Expectations
    at: datetime
    events: Path
    state: Path
    ledger: LedgerPlace
    bar: Progress

    def of_events(self) -> Iterator[Finding]:
        """Of the event log."""
        quality = EventQuality(self.expectations.events, at_us=microseconds(self.at))
        task = self.bar.add_task("events, accounts read", total=None)
        with event_log(self.events) as log:
            last = ""
            while page := log.accounts(after=last, limit=_ACCOUNTS_AT_ONCE):
                try:
                    quality.add(log.history(page))
                except (WrongTypeError, DamagedProfileError) as error:
                    raise DamagedError(f"The event log at {self.events}, {error}.") from error
                last = page[-1]
                self.bar.advance(task, len(page))
        yield from quality.findings()

    def of_rows(self) -> Iterator[Finding]:
        """Of the published feature rows."""
        offline = self.state / OFFLINE
        try:
            task = self.bar.add_task("published rows", total=parts(offline))
            yield from row_findings(offline, self.expectations, now=self.at, progress=lambda: self.bar.advance(task))
        except NothingPublishedError as error:
            raise click.ClickException(f"{error}.") from error
        except RowsUnusableError as error:
            advice = "`tidegate features compute` makes the rows again"
            raise DamagedError(f"{error}. {advice}.") from error

    def of_served(self) -> Iterator[Finding]:
        """Of the signals that decisions of the last day were made from."""
        quality = ValueQuality(Subject.SERVED, self.expectations)
        with opened(self.ledger) as archive:
            since = self.at - _DAY
            task = self.bar.add_task("served values", total=archive.count(since=since))
            records = decisions(archive.payloads(since=since), Wanted(self.at), progress=lambda: self.bar.advance(task))
            try:
                for values in served_values(records).tables:
                    quality.add(values)
            except WrongTypeError as error:
                advice = f"{WRONG_IN_LEDGER}, or choose another day: --at TIME"
                raise DamagedError(f"The ledger at {self.ledger}, {error}. {advice}.") from error
        yield from quality.findings()


@click.command()
@ledger_option
@events_option
@state_option
@click.option(
    "--expectations",
    "document",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SHIPPED,
    help="YAML file of your own; by default what comes with Tidegate.",
)
@click.option("--at", type=Moment(), help="End of the day that is judged. [default: now]")
@click.option("--all", "show_all", is_flag=True, help="Shows the expectations that hold, too.")
@click.option("--json", "as_json", is_flag=True, help="For machines: every expectation.")
def quality(
    place: LedgerPlace,
    events_path: Path,
    state: Path,
    document: Path,
    at: datetime | None,
    show_all: bool,
    as_json: bool,
) -> None:
    """Holds events, published feature rows and served signals of the last day against what is expected of them.

    Volume, lateness, clocks, gaps, ranges. Fails if an expectation is broken. What is not there is said and not judged;
    so is what holds a value of a wrong type, and that fails.
    """
    try:
        expectations = load_expectations(document)
    except ExpectationsError as error:
        raise click.ClickException(str(error)) from error
    with progress_bar() as bar:
        asked = _Asked(expectations, at or datetime.now(tz=UTC), events_path, state, place, bar)
        found, absent, damaged = _collected(
            {Subject.EVENTS: asked.of_events, Subject.ROWS: asked.of_rows, Subject.SERVED: asked.of_served}
        )
    if not found:
        raise click.ClickException(" ".join(absent.values()))
    if as_json:
        print_json({"findings": [_document(one) for one in found], "not_judged": absent})
    else:
        _draw(found, absent, shown=set(Verdict) if show_all else {Verdict.BROKEN})
    if damaged or any(one.verdict is Verdict.BROKEN for one in found):
        raise click.exceptions.Exit(1)


def _collected(
    sources: dict[Subject, Callable[[], Iterator[Finding]]],
) -> tuple[list[Finding], dict[Subject, str], bool]:
    """What was found; why the rest was not judged; and whether that is because something is damaged."""
    found: list[Finding] = []
    absent: dict[Subject, str] = {}
    damaged = False
    for subject, source in sources.items():
        try:
            found += source()
        except click.ClickException as error:
            absent[subject] = error.message
            damaged |= isinstance(error, DamagedError)
    return found, absent, damaged


def _document(one: Finding) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "about": one.about,
        "check": one.check,
        "observed": one.observed,
        "allowed": one.allowed,
        "count": one.count,
        "verdict": one.verdict,
    }


def _draw(found: Sequence[Finding], absent: dict[Subject, str], *, shown: set[Verdict]) -> None:
    console = Console(highlight=False)
    counts = Counter(one.verdict for one in found)
    told = ", ".join(f"[{_COLOURS[each]}]{counts[each]:,} {_words(each)}[/]" for each in Verdict if counts[each])
    console.print(f"expectations: {told}")
    for subject, why in absent.items():
        console.print(f"[yellow]not judged[/] {subject}: {why}", soft_wrap=True)
    for subject in Subject:
        rows = [one for one in found if one.subject is subject and one.verdict in shown]
        if rows:
            console.print(f"\n[bold]{subject}[/bold]")
            console.print(_table(rows))


def _table(found: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("what", no_wrap=True)
    table.add_column("check", overflow="fold")
    for heading in ("observed", "allowed", "n"):
        table.add_column(heading, justify="right")
    for one in found:
        what = f"[{_COLOURS[one.verdict]}]{one.about.removeprefix('account_')}[/]"
        table.add_row(what, one.check, _span(one.observed), _span(one.allowed), f"{one.count:,}")
    return table


def _words(verdict: Verdict) -> str:
    return "with too little to judge by" if verdict is Verdict.TOO_FEW else str(verdict)


def _span(values: tuple[float, ...]) -> str:
    return " to ".join(f"{each:,.4g}" for each in values) or "nothing"
