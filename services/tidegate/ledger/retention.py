"""Retention: removes whole UTC days of a ledger that are older than is kept, and leaves chains that can be verified.

Read this first; then `retention_survey.py` (what is checked before), `sqlite_retention.py` and `postgres_retention.py`
(how a day goes), `retention_anchors.py` (what stays in its place). By default nothing calls this: operators decide.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from tidegate.ledger.archive import LedgerArchive
from tidegate.ledger.retention_anchors import Reason
from tidegate.ledger.retention_export import ExportedDay, NotExportedError
from tidegate.ledger.retention_port import DayHeldError, DayRemover
from tidegate.ledger.retention_survey import BrokenDayError, surveyed

SURVEYS = 3
"""Of one day, when records keep coming to it in between."""


class DayOutcome(StrEnum):
    """What became of a day that is older than is kept."""

    REMOVED = "REMOVED"
    """It is gone."""
    DUE = "DUE"
    """It would be removed: this was a dry run."""
    NOT_EXPORTED = "NOT_EXPORTED"
    """It stays: the export does not hold all of it."""
    BROKEN = "BROKEN"
    """It stays: a record was altered, and removing it would remove what shows that."""
    HELD = "HELD"
    """It stays: who reads or writes held it for too long."""


@dataclass(frozen=True, slots=True)
class DayReport:
    """One day that is older than is kept."""

    day: date
    """In UTC."""
    outcome: DayOutcome
    """What became of it."""
    records: int
    """Decisions removed, or that would be; 0 where it stays."""
    detail: str = ""
    """Why it stays, for people."""

    @property
    def is_left(self) -> bool:
        """Whether it is still there though it should not be."""
        return self.outcome not in {DayOutcome.REMOVED, DayOutcome.DUE}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is to be removed."""

    reason: Reason
    """Noted with each day."""
    exported_to: Path | None
    """Folder of an export that has to hold a day before it goes; None if none has to."""
    dry_run: bool = False
    """Whether to look only."""

    def first_kept(self, today: date) -> date:
        """The first day that stays."""
        return today - timedelta(days=self.reason.keep_days)


def retain(
    archive: LedgerArchive,
    remover: DayRemover,
    rule: Rule,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[DayReport]:
    """Goes through the days that are due, the oldest first, and yields what became of each when it is known.

    A day's table without a decision goes, too, and is not told.

    Args:
        archive: The ledger.
        remover: The same ledger.
        rule: What is to be removed.
        progress: Called with the number of records read since the call before.

    Raises:
        ValueError: The rule keeps less than a day: today is never removed, nor is yesterday while today begins.
    """
    if rule.reason.keep_days < 1:
        raise ValueError("at least one day before today is kept")
    before = rule.first_kept(remover.today())
    for day in remover.days(before=before):
        report = _removed(archive, remover, rule, day, progress)
        if report.records or report.is_left:
            yield report
    if not rule.dry_run:
        remover.finish(before=before)


def _removed(
    archive: LedgerArchive, remover: DayRemover, rule: Rule, day: date, progress: Callable[[int], None]
) -> DayReport:
    left = DayReport(day, DayOutcome.HELD, 0, "decisions keep coming to it; is a router's clock wrong?")
    for _ in range(SURVEYS):
        export = None if rule.exported_to is None else ExportedDay(rule.exported_to, day)
        try:
            survey = surveyed(archive, day, export=export, progress=progress)
            if rule.dry_run:
                return DayReport(day, DayOutcome.DUE, survey.records)
            if remover.remove(survey, rule.reason):
                return DayReport(day, DayOutcome.REMOVED, survey.records)
        except NotExportedError as error:
            return replace(left, outcome=DayOutcome.NOT_EXPORTED, detail=str(error))
        except BrokenDayError as error:
            return replace(left, outcome=DayOutcome.BROKEN, detail=str(error))
        except DayHeldError as error:
            return replace(left, detail=str(error))
    return left
