"""Removes days from a PostgreSQL ledger: a day's table is dropped in the transaction that stores its anchors.

Whoever drops a day's table holds up every reader and writer of all days, while it waits for the lock and while it has
it. So it waits for a fraction of a second, tries again later, and does before or after all that takes time.
"""

import contextlib
import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

from psycopg import errors

from tidegate.ledger.postgres_partitions import name_of
from tidegate.ledger.postgres_schema import SCHEMA
from tidegate.ledger.retention_anchors import Reason, Survey
from tidegate.ledger.retention_port import DayHeldError, RetentionUnderWayError
from tidegate.postgres.connection import BoundedConnection
from tidegate.postgres.durability import CommitWarnings, refuse_losses

RETENTION_LOCK = 0x5449_4447_0000_0003
"""Advisory lock ("TIDG", 3) that who removes days holds for the whole session."""
ALONE_WITHIN_MS = 10_000
"""For that lock: a session whose process was killed ends by itself."""
LOCK_WAIT_MS = 200
"""Longest wait for all days' tables, at a time: whoever records waits with it."""
TRANSACTION_S = 60.0
"""For a removal but its waits: a server that hangs is not waited for."""
PATIENCE_S = 300.0
"""With all days of a run that are held. Past it, each is tried once, and left for the next run."""
PAUSES_S = (1.0, 10.0)
"""Between attempts: the first, and the longest."""
KEYS = 1_000
"""Idempotency keys deleted in a transaction."""
KEYS_BY_DAY = f"{SCHEMA}.idempotency_keys_by_day"
"""Index of idempotency keys, which only retention needs."""

_KEEPALIVE = {"tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "6"}
"""Of the server: it notices in two minutes, and not in two hours, that a client is gone and its lock is nobody's."""

_REMOVE_DAY = (
    "SELECT tidegate_ledger.remove_day(%s, %s, %s, %s,"
    " %s::text[], %s::bigint[], %s::bigint[], %b::bytea[], %b::bytea[], %s::text[], %s::bigint[])"
)


class PostgresDayRemover:
    """`DayRemover` on one connection, which nobody else uses."""

    def __init__(self, connection: BoundedConnection, *, patience_s: float = PATIENCE_S) -> None:
        """Takes the lock of those who remove, for as long as the connection lives; its owner closes it.

        Args:
            connection: In autocommit.
            patience_s: For all waits for days that are held.

        Raises:
            RetentionUnderWayError: See there.
            psycopg.Error: The server refused, or can't be asked.
        """
        self._connection = connection
        self._patience_s = patience_s
        self._warnings = CommitWarnings(connection)
        refuse_losses(connection)
        self._set(**_KEEPALIVE, lock_timeout=str(ALONE_WITHIN_MS))
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (RETENTION_LOCK,))
        except errors.LockNotAvailable as error:
            raise RetentionUnderWayError("another process removes days from it; try again after it") from error
        self._set(lock_timeout=str(LOCK_WAIT_MS))

    def today(self) -> date:
        """See `DayRemover.today`. Ours, or the server's."""
        row = self._connection.execute("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date").fetchone()
        assert row is not None
        theirs: date = row[0]
        return min(datetime.now(UTC).date(), theirs)

    def days(self, *, before: date) -> Sequence[date]:
        """See `DayRemover.days`. Days with a table, which may be empty."""
        found = self._connection.execute(
            "SELECT day FROM (SELECT to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') AS day FROM pg_inherits"
            " WHERE inhparent = 'tidegate_ledger.records'::regclass) AS tables WHERE day < %s ORDER BY day",
            (before,),
        )
        return [day for (day,) in found.fetchall()]

    def remove(self, survey: Survey, reason: Reason) -> bool:
        """See `DayRemover.remove`."""
        pause_s, longest_s = PAUSES_S
        while True:
            try:
                with self._connection.within(TRANSACTION_S):
                    self._drop(survey, reason)
            except errors.SerializationFailure:
                return False
            except errors.LockNotAvailable as error:
                if pause_s > self._patience_s:
                    raise DayHeldError(self._told_holders(survey.day)) from error
                time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
                self._patience_s -= pause_s
                pause_s = min(longest_s, 1.5 * pause_s)
            else:
                return True

    def finish(self, *, before: date) -> None:
        """See `DayRemover.finish`: idempotency keys. One that somebody is about to use is left to him."""
        if not self._index_keys():
            return
        with_table, day = set(self.days(before=before)), date.min
        while True:
            query = "SELECT min(day) FROM tidegate_ledger.idempotency_keys WHERE day > %s AND day < %s"
            row = self._connection.execute(query, (day, before)).fetchone()
            if row is None or row[0] is None:
                return
            day = row[0]
            if day not in with_table:
                self._delete_keys(day)

    def reclaimable_bytes(self) -> int:
        """See `DayRemover.reclaimable_bytes`: a dropped table's room is the disk's again at once."""
        return 0

    def _drop(self, survey: Survey, reason: Reason) -> None:
        """In one statement, which is a transaction: nothing is locked while the server waits for us."""
        self._warnings.forget()
        self._connection.execute(
            _REMOVE_DAY,
            (
                survey.day,
                reason.keep_days,
                reason.exported_to or None,
                reason.command,
                [each.writer_id for each in survey.anchors],
                [each.first_sequence for each in survey.anchors],
                [each.last_sequence for each in survey.anchors],
                [each.previous_hash for each in survey.anchors],
                [each.hash for each in survey.anchors],
                list(survey.ends.keys()),
                list(survey.ends.values()),
            ),
        )
        self._warnings.refuse()

    def _set(self, **settings: str) -> None:
        """For the session."""
        for name, value in settings.items():
            self._connection.execute("SELECT set_config(%s, %s, false)", (name, value))

    def _index_keys(self) -> bool:
        """Makes the index of keys by day if need be, while others write. False where somebody held it up for too long.

        It waits for those who read in one transaction, such as an export. What is left of it if it fails is made anew.
        """
        query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
        if self._connection.execute(query, (KEYS_BY_DAY,)).fetchone() == (True,):
            return True
        made = False
        self._set(lock_timeout=str(max(LOCK_WAIT_MS, int(self._patience_s * 1000))))
        with contextlib.suppress(errors.LockNotAvailable):
            self._connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {KEYS_BY_DAY}")
            self._connection.execute(
                "CREATE INDEX CONCURRENTLY idempotency_keys_by_day ON tidegate_ledger.idempotency_keys (day)"
            )
            made = True
        self._set(lock_timeout=str(LOCK_WAIT_MS))
        return made

    def _delete_keys(self, day: date) -> None:
        """Waits for nobody, so that no writer can wait for it and it for him."""
        try:
            while self._connection.execute(
                "DELETE FROM tidegate_ledger.idempotency_keys WHERE idempotency_key IN ("
                "SELECT idempotency_key FROM tidegate_ledger.idempotency_keys WHERE day = %s LIMIT %s"
                " FOR UPDATE SKIP LOCKED)",
                (day, KEYS),
            ).rowcount:
                pass
        except errors.RestrictViolation:  # a late clock made the day's table again: its keys hold
            return

    def _told_holders(self, day: date) -> str:
        held = self._connection.execute(
            "SELECT coalesce(nullif(a.application_name, ''), 'a session without a name'), a.pid,"
            " coalesce(a.xact_start, a.backend_start) AS since FROM pg_stat_activity AS a"
            " WHERE a.pid <> pg_backend_pid() AND a.pid IN (SELECT l.pid FROM pg_locks AS l"
            " WHERE l.granted AND l.relation IN ('tidegate_ledger.records'::regclass, to_regclass(%s)))"
            " ORDER BY since LIMIT 1",
            (f"{SCHEMA}.{name_of(day)}",),
        ).fetchone()
        told = "" if held is None else f": {held[0]} (process {held[1]} of the server, since {held[2]:%H:%M:%S} UTC)"
        return f"its table is in use{told}; try again after it"
