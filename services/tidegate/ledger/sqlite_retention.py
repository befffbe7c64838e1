"""Removes days from a SQLite ledger: in small transactions under the writers' lock, with a rest after each.

Each transaction deletes some records and stores or extends the anchors that stand for them, so wherever it is killed
the ledger can be verified; the next run surveys what is left of the day.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tidegate.ledger.record_keys import microseconds
from tidegate.ledger.retention_anchors import Anchor, Reason, Survey, batches
from tidegate.ledger.retention_port import DayHeldError, RetentionUnderWayError
from tidegate.ledger.sqlite_schema import open_ledger, transaction
from tidegate.ledger.writer_lock import WriterLock, acquired_within

CHUNK = 200
"""Records deleted in a transaction. Whoever waits to record waits for one of these."""
LOCK_TIMEOUT_S = 60.0
"""Longest wait for the writers."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US_PER_DAY = 86_400_000_000


class SqliteDayRemover:
    """`DayRemover` on one file."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Opens the file, which is there, and takes the lock of those who remove.

        Raises:
            RetentionUnderWayError: See there.
            sqlite3.Error, OSError: It can't be opened.
        """
        self._now = now
        self._lock = WriterLock(path)
        self._alone = os.open(path.with_name(f"{path.name}-retention"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._connection = open_ledger(path, timeout_s=LOCK_TIMEOUT_S)
            self._connection.execute("PRAGMA busy_timeout = 1000")
            self._connection.execute("PRAGMA secure_delete = ON")  # zeros where the records were, not only free pages
        except BlockingIOError as error:
            os.close(self._alone)
            raise RetentionUnderWayError("another process removes days from it; try again after it") from error
        except BaseException:
            os.close(self._alone)
            raise

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
        self._lock.close()
        os.close(self._alone)

    def today(self) -> date:
        """See `DayRemover.today`."""
        return self._now().date()

    def days(self, *, before: date) -> Sequence[date]:
        """See `DayRemover.days`. From day to day by the index of times."""
        found: list[date] = []
        end_us, at_us = _start_us(before), -(1 << 62)
        while True:
            row = self._connection.execute(
                "SELECT min(decided_at_us) FROM records WHERE decided_at_us >= ? AND decided_at_us < ?", (at_us, end_us)
            ).fetchone()
            if row[0] is None:
                return found
            found.append(_EPOCH.date() + timedelta(days=row[0] // _US_PER_DAY))
            at_us = _start_us(found[-1]) + _US_PER_DAY

    def remove(self, survey: Survey, reason: Reason) -> bool:
        """See `DayRemover.remove`. What came to the day since the survey stays, for the next run."""
        removal: int | None = None
        for batch in batches(survey.anchors, limit=CHUNK):
            begun_s = time.monotonic()
            with self._writing():
                if removal is None:
                    removal = self._begun(survey.day, reason)
                for anchor, first, last in batch:
                    self._remove(anchor, first, last, removal=removal)
            time.sleep(time.monotonic() - begun_s)  # half of the time is the writers'
        return True

    def finish(self, *, before: date) -> None:
        """See `DayRemover.finish`. Idempotency keys are columns of the records."""

    def reclaimable_bytes(self) -> int:
        """See `DayRemover.reclaimable_bytes`."""
        query = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
        return int(self._connection.execute(query).fetchone()[0])

    def _begun(self, day: date, reason: Reason) -> int:
        cursor = self._connection.execute(
            "INSERT INTO removals (day, removed_at_us, keep_days, exported_to, command) VALUES (?, ?, ?, ?, ?)",
            (
                day.isoformat(),
                microseconds(self._now()),
                reason.keep_days,
                reason.exported_to or None,
                reason.command,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _remove(self, anchor: Anchor, first: int, last: int, *, removal: int) -> None:
        execute, records = self._connection.execute, (anchor.writer_id, first, last)
        among = "FROM records WHERE writer_id = ? AND sequence BETWEEN ? AND ?"
        (own,) = execute(f"SELECT hash {among} AND sequence = ?", (*records, last)).fetchone()
        (position,) = execute(f"SELECT max(position) {among}", records).fetchone()
        execute("UPDATE removed_up_to SET position = max(position, ?)", (position,))
        execute(
            "INSERT INTO anchors (writer_id, first_sequence, last_sequence, previous_hash, hash, removal)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (writer_id, first_sequence)"
            " DO UPDATE SET last_sequence = excluded.last_sequence, hash = excluded.hash",
            (anchor.writer_id, anchor.first_sequence, last, anchor.previous_hash, own, removal),
        )
        deleted = execute(f"DELETE {among}", records).rowcount
        if deleted != last - first + 1:
            raise sqlite3.IntegrityError(f"{deleted} records where {last - first + 1} were surveyed")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction. Commit and checkpoint happen under the lock, as the writers' do."""
        if not acquired_within(LOCK_TIMEOUT_S, self._lock.try_acquire):
            raise DayHeldError(f"others have written to the ledger for {LOCK_TIMEOUT_S:.0f} s on end; try again")
        try:
            with transaction(self._connection):
                yield
        finally:
            self._lock.release()


def _start_us(day: date) -> int:
    return (day - _EPOCH.date()).days * _US_PER_DAY
