"""Our own decisions as account events: follows the ledger's file at the beat of the signals' loop.

The loop of a decision: recorded in the ledger → DECISION event of the account → its signals → its next item. An event
has the id `decision:` and the decision's, so however often the ledger is read, each counts once.
"""

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import EventLog, EventLogUnavailableError
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.ledger.record_format import RecordFormatError
from tidegate.ledger.record_outline import RecordOutline, outline
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.ledger.sqlite_schema import SameFile

_log = logging.getLogger(__name__)

CURSOR = "ledger"
"""Name of the noted place: `POSITION:DECISION_ID` of the last record that was read."""
PAUSE_S = 1.0
"""After a failure: a ledger that can't be read must not cost every round of the loop."""
CHUNK = 500
"""Records at a time: bounds memory and the length of a transaction, however long the ledger."""
RECENT = timedelta(hours=1)
"""A decision no older than this goes before refreshes; older ones are a backlog, which is taken like a backfill."""


class Intake(Protocol):
    """What the tail hands events to: `LocalSignalIntake`, for a caller who may wait."""

    def record_blocking(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """See `SignalIntake.record`."""
        ...


def decision_event(decision: RecordOutline) -> AccountEvent:
    """The account event that a decision is. The digest of its content is that of its parts' digests, in their order."""
    return AccountEvent(
        event_id=f"decision:{decision.decision_id}",
        account_id=decision.account_id,
        kind=EventKind.DECISION,
        occurred_at=decision.decided_at,
        subject_id=decision.decision_id,
        action=decision.action.value,
        content_digest=hashlib.sha256("".join(decision.part_digests).encode()).hexdigest(),
    )


class LedgerTail:
    """Follows one ledger file, which need not exist yet. For one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        log: EventLog,
        intake: Intake,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remembers what to follow.

        Args:
            path: The ledger's file.
            log: Keeps the place between restarts.
            intake: Takes the events.
            clock: The time, UTC.
            monotonic: Seconds that only grow, to pause by.
        """
        self._path = path
        self._log = log
        self._intake = intake
        self._clock = clock
        self._monotonic = monotonic
        self._archive: SqliteArchive | None = None
        self._file: SameFile | None = None
        self._position = 0
        self._outage = ""
        self._paused_until = float("-inf")

    def step(self) -> bool:
        """`read_on` for a loop with other work: True if there is more at once. Failures are logged; a pause follows."""
        if self._monotonic() < self._paused_until:
            return False
        try:
            read = self.read_on()
        except (EventLogUnavailableError, sqlite3.Error, OSError) as error:
            return self._failed(type(error).__name__)
        except Exception as error:  # noqa: BLE001 - as at a thread's boundary: a step that broke must not end the loop
            return self._failed(type(error).__name__)
        if self._outage:
            _log.warning("ledger_tail.reads_again", extra={"error": self._outage})
        self._outage = ""
        return read >= CHUNK

    def read_on(self) -> int:
        """Takes up the next records and notes the place; how many there were.

        Raises:
            EventLogUnavailableError: They are taken up again from the noted place.
            sqlite3.Error: The ledger can't be read.
        """
        archive = self._opened()
        found = archive.recorded_after(self._position, limit=CHUNK) if archive else []
        if not found:
            return 0
        outlines = [_outlined(payload) for _, payload in found]
        self._hand_on([each for each in outlines if each is not None])
        position, last = found[-1][0], outlines[-1]
        self._log.move_cursor(CURSOR, f"{position}:{last.decision_id if last else ''}")
        self._position = position
        return len(found)

    def close(self) -> None:
        """Closes the file. The next step opens it again."""
        if self._archive is not None:
            self._archive.close()
        self._archive = self._file = None

    def _opened(self) -> SqliteArchive | None:
        """The ledger, opened once and not at every look, and the place to go on from; None where there is none yet."""
        if self._file is not None and not self._file.holds():
            self.close()
        if self._archive is None and self._path.is_file():
            file, archive = SameFile(self._path), SqliteArchive(self._path)
            try:
                self._position = self._noted(archive)
            except BaseException:
                archive.close()
                raise
            self._file, self._archive = file, archive
        return self._archive

    def _noted(self, archive: SqliteArchive) -> int:
        """The noted position; 0 where it names another decision by now, as in a ledger that was started anew."""
        position, _, decision_id = self._log.cursor(CURSOR).partition(":")
        if not position:
            return 0
        there = archive.decision_at(int(position))
        if there is None or (decision_id and there != decision_id):
            _log.warning("ledger_tail.from_the_start")
            return 0
        return int(position)

    def _hand_on(self, decisions: Sequence[RecordOutline]) -> None:
        now = self._clock()
        for old in (False, True):
            part = [decision_event(each) for each in decisions if (now - each.decided_at > RECENT) is old]
            if not part:
                continue
            answers = self._intake.record_blocking(part, backfill=old)
            refused = [answer.reason.value for answer in answers if isinstance(answer, RefusedEvent)]
            if refused:  # of an erased account, or older than any backfill reaches: neither changes by waiting
                _log.info("ledger_tail.refused", extra={"events": len(refused), "reasons": sorted(set(refused))})

    def _failed(self, outage: str) -> bool:
        self.close()
        self._paused_until = self._monotonic() + PAUSE_S
        if outage != self._outage:
            _log.warning("ledger_tail.behind", extra={"error": outage})
        self._outage = outage
        return False


def _outlined(payload: bytes) -> RecordOutline | None:
    try:
        return outline(payload)
    except RecordFormatError:
        _log.error("ledger_tail.unreadable_record")  # `tidegate ledger verify` says which
        return None
