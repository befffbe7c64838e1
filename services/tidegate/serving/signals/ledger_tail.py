"""Our own decisions as account events: follows the ledger's file, a tenth of a second behind.

The loop of a decision: recorded in the ledger → DECISION event of the account → its signals → its next item. An event
has the id `decision:` and the decision's, so however often the ledger is read, each counts once.
"""

import contextlib
import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import EventLog, EventLogUnavailableError
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.ledger.record_format import RecordFormatError, decode
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.moderation.decision import DecisionRecord

_log = logging.getLogger(__name__)

CURSOR = "ledger"
"""Name of the noted place: `POSITION:DECISION_ID` of the last record that was read."""
POLL_S = 0.1
"""Between two looks at a ledger that has nothing new."""
PAUSE_S = 1.0
"""After a failure."""
CHUNK = 500
"""Records at a time: bounds memory and the length of a transaction, however long the ledger."""
RECENT = timedelta(hours=1)
"""A decision no older than this goes before refreshes; older ones are a backlog, which is taken like a backfill."""


class Intake(Protocol):
    """What the tail hands events to: `LocalSignalIntake`, from a thread of its own."""

    def record_blocking(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """See `SignalIntake.record`."""
        ...


def decision_event(record: DecisionRecord) -> AccountEvent:
    """The account event that a decision is. The digest of its content is that of its parts' digests, in their order."""
    digests = "".join(part.sha256 for part in record.inputs.parts)
    return AccountEvent(
        event_id=f"decision:{record.decision_id}",
        account_id=record.account_id,
        kind=EventKind.DECISION,
        occurred_at=record.decided_at,
        subject_id=record.decision_id,
        action=record.action.value,
        content_digest=hashlib.sha256(digests.encode()).hexdigest(),
    )


class LedgerTail:
    """Follows one ledger file, which need not exist yet. `read_on` is one step; `start` runs steps on a thread."""

    def __init__(
        self,
        path: Path,
        *,
        log: EventLog,
        intake: Intake,
        clock: Callable[[], datetime],
        may_read: Callable[[], bool] = lambda: True,
    ) -> None:
        """Remembers what to follow.

        Args:
            path: The ledger's file.
            log: Keeps the place between restarts.
            intake: Takes the events.
            clock: The time, UTC.
            may_read: Whether this process is the one to read.
        """
        self._path = path
        self._may_read = may_read
        self._log = log
        self._intake = intake
        self._clock = clock
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-tail", daemon=True)
        self._outage = ""

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """Ends the thread after the step under way."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def read_on(self) -> int:
        """Takes up the next records and notes the place; how many there were.

        Raises:
            EventLogUnavailableError: They are taken up again from the noted place.
            sqlite3.Error: The ledger can't be read.
        """
        if not self._path.is_file():
            return 0
        with contextlib.closing(SqliteArchive(self._path)) as archive:
            found = archive.recorded_after(self._position(archive), limit=CHUNK)
        if not found:
            return 0
        records = [record for _, payload in found if (record := _decoded(payload)) is not None]
        self._hand_on(records)
        last, payload = found[-1]
        last_record = _decoded(payload)
        self._log.move_cursor(CURSOR, f"{last}:{last_record.decision_id if last_record else ''}")
        return len(found)

    def _position(self, archive: SqliteArchive) -> int:
        """The noted position; 0 where it names another decision by now, as in a ledger that was started anew."""
        position, _, decision_id = self._log.cursor(CURSOR).partition(":")
        if not position:
            return 0
        there = archive.decision_at(int(position))
        if there is None or (decision_id and there != decision_id):
            _log.warning("ledger_tail.from_the_start")
            return 0
        return int(position)

    def _hand_on(self, records: Sequence[DecisionRecord]) -> None:
        now = self._clock()
        for old in (False, True):
            part = [decision_event(each) for each in records if (now - each.decided_at > RECENT) is old]
            if not part:
                continue
            answers = self._intake.record_blocking(part, backfill=old)
            refused = [answer.reason.value for answer in answers if isinstance(answer, RefusedEvent)]
            if refused:  # of an erased account, or older than any backfill reaches: neither changes by waiting
                _log.info("ledger_tail.refused", extra={"events": len(refused), "reasons": sorted(set(refused))})

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                read = self.read_on() if self._may_read() else 0
            except (EventLogUnavailableError, sqlite3.Error, OSError) as error:
                self._note(type(error).__name__)
            except Exception as error:  # noqa: BLE001 - thread boundary: a step that broke must not end all others
                self._note(type(error).__name__)
            else:
                self._note("")
                if read < CHUNK:
                    self._closing.wait(POLL_S)
                continue
            self._closing.wait(PAUSE_S)

    def _note(self, outage: str) -> None:
        if outage and outage != self._outage:
            _log.warning("ledger_tail.behind", extra={"error": outage})
        elif self._outage and not outage:
            _log.warning("ledger_tail.reads_again", extra={"error": self._outage})
        self._outage = outage


def _decoded(payload: bytes) -> DecisionRecord | None:
    try:
        return decode(payload)
    except RecordFormatError:
        _log.error("ledger_tail.unreadable_record")  # `tidegate ledger verify` says which
        return None
