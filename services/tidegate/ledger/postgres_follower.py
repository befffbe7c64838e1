"""Follows a PostgreSQL ledger: writer by writer, since each chain has an order that a look can't miss anything of.

Over all writers there is none: a transaction may become visible after one that began later.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from tidegate.ledger.archive import Stretch
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.postgres.connection import BoundedConnection, PostgresTarget

TIMEOUT_S = 5.0
"""For one look. The signals' loop waits for it."""
OVERLAP = timedelta(minutes=10)
"""Heads that were changed this much before the last look are looked at again: no transaction takes as long."""

_CURSOR = "ledger:"
"""With the writer's id behind it, the name under which its place is noted: `SEQUENCE`."""


class PostgresFollower:
    """`LedgerFollower` on PostgreSQL."""

    def __init__(self, target: PostgresTarget, noted: Callable[[str], str]) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            noted: The place that was noted last under a name; empty if none was.
        """
        self._target = target
        self._noted = noted
        self._connection: BoundedConnection | None = None
        self._read: dict[str, int] = {}
        self._looked_at: datetime | None = None

    def unread(self, *, limit: int) -> Sequence[Stretch]:
        """See `LedgerFollower.unread`."""
        connection = self._connected()
        if connection is None:
            return ()
        stretches: list[Stretch] = []
        with connection.within(TIMEOUT_S):
            behind, now = self._behind(connection)
            for writer_id, end, days in behind:
                if limit <= 0:
                    return stretches
                found = self._records(connection, writer_id, end, days, limit=limit)
                limit -= len(found)
                up_to = found[-1][0] if found else None
                removed, last = self._removed(connection, writer_id, up_to, records=len(found))
                if found or removed:
                    payloads = [record for _, record in found]
                    stretches.append(Stretch(_CURSOR + writer_id, str(up_to or last), payloads, removed=removed))
        if not stretches:  # everything up to then is taken up: what is older need not be looked at again
            self._looked_at = now
        return stretches

    def taken_up(self, stretch: Stretch) -> None:
        """See `LedgerFollower.taken_up`."""
        self._read[stretch.cursor.removeprefix(_CURSOR)] = int(stretch.place)

    def close(self) -> None:
        """See `LedgerFollower.close`."""
        self._read.clear()
        self._looked_at = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> BoundedConnection | None:
        if self._connection is None:
            connection = self._target.connected(name="tidegate ledger tail", timeout_s=TIMEOUT_S, point_reads=True)
            try:
                with connection.within(TIMEOUT_S):
                    current = LEDGER.version(connection) >= LEDGER.newest
            except BaseException:
                connection.close()
                raise
            if not current:
                connection.close()
                return None
            self._connection = connection
        return self._connection

    def _behind(
        self, connection: BoundedConnection
    ) -> tuple[list[tuple[str, int, tuple[date, date]]], datetime | None]:
        """Writers with records that were not read, with end and days of each chain; and the server's time."""
        since = None if self._looked_at is None else self._looked_at - OVERLAP
        rows = connection.execute(
            "SELECT writer_id, sequence, first_day, last_day, now() FROM tidegate_ledger.heads"
            " WHERE %s::timestamptz IS NULL OR changed_at >= %s ORDER BY changed_at",
            (since, since),
        ).fetchall()
        now = rows[0][4] if rows else self._looked_at
        behind = []
        for writer_id, sequence, first_day, last_day, _ in rows:
            if writer_id not in self._read:
                self._read[writer_id] = int(self._noted(_CURSOR + writer_id) or 0)
            if self._read[writer_id] < sequence:
                behind.append((writer_id, sequence, (first_day, last_day)))
        return behind, now

    def _records(
        self, connection: BoundedConnection, writer_id: str, end: int, days: tuple[date, date], *, limit: int
    ) -> list[tuple[int, bytes]]:
        """Up to the end that was read with these days: what came since may be of others, and before some of these."""
        return connection.execute(
            "SELECT sequence, record FROM tidegate_ledger.records WHERE writer_id = %s AND sequence > %s"
            " AND sequence <= %s AND day BETWEEN %s AND %s ORDER BY sequence LIMIT %s",
            (writer_id, self._read[writer_id], end, *days, limit),
        ).fetchall()

    def _removed(
        self, connection: BoundedConnection, writer_id: str, up_to: int | None, *, records: int
    ) -> tuple[int, int]:
        """How many unread records retention removed, up to a sequence or at all, and the last one's sequence."""
        after = self._read[writer_id]
        if up_to is not None and up_to - after == records:
            return 0, 0  # there is no gap
        row = connection.execute(
            "SELECT coalesce(sum(last_sequence - greatest(first_sequence, %s) + 1), 0)::bigint,"
            " coalesce(max(last_sequence), 0) FROM tidegate_ledger.anchors"
            " WHERE writer_id = %s AND last_sequence > %s AND (%s::bigint IS NULL OR first_sequence < %s)",
            (after + 1, writer_id, after, up_to, up_to),
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])
