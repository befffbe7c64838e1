"""Two stretches of the ledger's time that are compared: how commands take them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from tidegate.ledger.archive import LedgerArchive, LedgerStatistics

_AFTER = timedelta(days=1)
_BEFORE = timedelta(days=7)

_NO_DECISIONS = "The ledger holds no decisions, so there is nothing to compare yet. `tidegate moderate` makes some."

Period = tuple[datetime, datetime]
"""From, included, and to, not included."""


@dataclass(frozen=True, slots=True)
class Periods:
    """Two stretches of time; each includes its start and not its end."""

    before: Period
    """The one to compare with."""
    after: Period
    """The one in question."""

    def sides(self, moment: datetime) -> Iterator[int]:
        """0 if it lies in the first, 1 if in the second."""
        return (side for side, (start, end) in enumerate((self.before, self.after)) if start <= moment < end)


def named_periods(archive: LedgerArchive, *, before: Period | None, after: Period | None) -> Periods:
    """As named; else the ledger's last 24 hours, and the 7 days before them.

    Raises:
        click.ClickException: There are no decisions, or a period ends before its start.
    """
    last = archive.statistics().last
    if after is None:
        if last is None:
            raise click.ClickException(_NO_DECISIONS)
        end = last + timedelta(microseconds=1)
        after = (end - _AFTER, end)
    if before is None:
        before = (after[0] - _BEFORE, after[0])
    for name, (start, end) in (("--before", before), ("--after", after)):
        if start >= end:
            raise click.BadParameter("must end after its start", param_hint=name)
    return Periods(before, after)


def refuse_empty(archive: LedgerArchive, periods: Periods) -> None:
    """Ends the command, saying what to choose, if a period holds no decisions: figures about none would mislead."""
    for name, (start, end) in (("--before", periods.before), ("--after", periods.after)):
        if archive.count(since=start) == archive.count(since=end):
            raise click.ClickException(_nothing_in(name, (start, end), archive.statistics()))


def _nothing_in(name: str, period: Period, held: LedgerStatistics) -> str:
    if held.first is None or held.last is None:
        return _NO_DECISIONS
    return (
        f"No decision was made from {' to '.join(span(period))}, so there is nothing to compare. The ledger holds "
        f"decisions from {' to '.join(span((held.first, held.last)))}; choose a period with {name} START END."
    )


def span(period: Period) -> list[str]:
    """Both ends in ISO 8601."""
    return [moment.isoformat() for moment in period]
