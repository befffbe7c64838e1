"""The PostgreSQL ledger for those who look back: `LedgerArchive`, read-only, in pages or one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

from psycopg.pq import TransactionStatus

from tidegate.ledger.archive import LedgerStatistics
from tidegate.ledger.chain import Entry, Head
from tidegate.ledger.record_keys import RecordKeys, microseconds
from tidegate.ledger.retention_anchors import Anchor, Reason, Removal
from tidegate.postgres.connection import BoundedConnection

_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = -(1 << 62)
_ENTRY: LiteralString = (
    "SELECT r.writer_id, r.sequence, r.previous_hash, r.hash, r.decision_id, r.idempotency_key, r.fingerprint,"
    " r.decided_at_us, r.record FROM tidegate_ledger.records AS r"
)
_IN_CHAINS: LiteralString = " ORDER BY r.writer_id, r.sequence"
_SIZE: LiteralString = (
    "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
    " WHERE c.relnamespace = 'tidegate_ledger'::regnamespace AND c.relkind = 'r'"
)


class PostgresArchive:
    """`LedgerArchive` on one connection. For one thread at a time."""

    def __init__(self, connection: BoundedConnection) -> None:
        """Reads over this connection, which its owner closes."""
        self._connection = connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `LedgerArchive.snapshot`. No day's table is dropped meanwhile, which no snapshot would keep."""
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self._connection.execute("LOCK TABLE ONLY tidegate_ledger.records IN ACCESS SHARE MODE")
            yield

    def count(self, *, since: datetime | None = None) -> int:
        """See `LedgerArchive.count`."""
        if since is None:
            return self._number("SELECT count(*) FROM tidegate_ledger.records")
        return self._number(
            "SELECT count(*) FROM tidegate_ledger.records WHERE day >= %s AND decided_at_us >= %s",
            since.astimezone(UTC).date(),
            microseconds(since),
        )

    def payloads(self, *, since: datetime | None = None) -> Iterator[bytes]:
        """See `LedgerArchive.payloads`: by the time of decision. Each page is a read of its own."""
        lowest = _EARLIEST if since is None else microseconds(since)
        for day in self._days_with_tables(since):
            at_us, decision_id = lowest, ""
            while True:
                page = self._connection.execute(
                    "SELECT decided_at_us, decision_id, record FROM tidegate_ledger.records WHERE day = %s"
                    " AND decided_at_us >= %s AND (decided_at_us, decision_id) > (%s, %s)"
                    " ORDER BY decided_at_us, decision_id LIMIT %s",
                    (day, at_us, at_us, decision_id, _PAGE),
                ).fetchall()
                yield from (record for _, _, record in page)
                if len(page) < _PAGE:
                    break
                at_us, decision_id, _ = page[-1]

    def entries(self) -> Iterator[Entry]:
        """See `LedgerArchive.entries`."""
        yield from self._entries(_ENTRY + _IN_CHAINS)

    def entries_of(self, day: date, *, after: Mapping[str, int]) -> Iterator[Entry]:
        """See `LedgerArchive.entries_of`."""
        yield from self._entries(
            _ENTRY + " LEFT JOIN unnest(%s::text[], %s::bigint[]) AS done (writer_id, sequence)"
            " ON done.writer_id = r.writer_id WHERE r.day = %s AND r.sequence > coalesce(done.sequence, 0)"
            + _IN_CHAINS,
            list(after.keys()),
            list(after.values()),
            day,
        )

    def count_of(self, day: date, *, up_to: Mapping[str, int]) -> int:
        """See `LedgerArchive.count_of`."""
        return self._number(
            "SELECT count(*) FROM tidegate_ledger.records AS r JOIN unnest(%s::text[], %s::bigint[])"
            " AS wanted (writer_id, sequence) ON wanted.writer_id = r.writer_id AND r.sequence <= wanted.sequence"
            " WHERE r.day = %s",
            list(up_to.keys()),
            list(up_to.values()),
            day,
        )

    def heads(self) -> Iterator[Head]:
        """See `LedgerArchive.heads`."""
        query = "SELECT writer_id, sequence, hash FROM tidegate_ledger.heads ORDER BY writer_id"
        yield from (Head(*row) for row in self._connection.execute(query))

    def anchors(self) -> Iterator[Anchor]:
        """See `LedgerArchive.anchors`."""
        query: LiteralString = (
            "SELECT writer_id, first_sequence, last_sequence, previous_hash, hash, day FROM tidegate_ledger.anchors"
            " JOIN tidegate_ledger.removals USING (removal) ORDER BY writer_id, first_sequence"
        )
        yield from (Anchor(*row) for row in self._connection.execute(query))

    def removals(self, *, since: date | None = None) -> Sequence[Removal]:
        """See `LedgerArchive.removals`."""
        return removals(self._connection, days=(since or date.min, date.max))

    def policies(self) -> Iterator[tuple[str, str]]:
        """See `LedgerArchive.policies`."""
        query = "SELECT digest, document FROM tidegate_ledger.policies ORDER BY digest"
        yield from self._connection.execute(query)

    def policy_document(self, digest: str) -> str | None:
        """See `LedgerArchive.policy_document`."""
        query = "SELECT document FROM tidegate_ledger.policies WHERE digest = %s"
        row = self._connection.execute(query, (digest,)).fetchone()
        return None if row is None else str(row[0])

    def statistics(self) -> LedgerStatistics:
        """See `LedgerArchive.statistics`."""
        query: LiteralString = "SELECT min(decided_at_us), max(decided_at_us) FROM tidegate_ledger.records"
        first, last = (None if us is None else _EPOCH + timedelta(microseconds=us) for us in self._row(query))
        return LedgerStatistics(
            records=self.count(),
            writers=self._number("SELECT count(*) FROM tidegate_ledger.heads"),
            policies=self._number("SELECT count(*) FROM tidegate_ledger.policies"),
            size_bytes=self._number(_SIZE),
            first=first,
            last=last,
        )

    def days(self) -> Sequence[tuple[date, int]]:
        """See `LedgerArchive.days`."""
        query: LiteralString = "SELECT day, count(*) FROM tidegate_ledger.records GROUP BY day ORDER BY day"
        return [(day, count) for day, count in self._connection.execute(query)]

    def _days_with_tables(self, since: datetime | None) -> Sequence[date]:
        found = self._connection.execute(
            "SELECT to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') AS day FROM pg_inherits"
            " WHERE inhparent = 'tidegate_ledger.records'::regclass ORDER BY day"
        )
        days = [day for (day,) in found]
        return days if since is None else [day for day in days if day >= since.astimezone(UTC).date()]

    def _entries(self, query: LiteralString, *parameters: object) -> Iterator[Entry]:
        """Over a cursor on the server, which lives in a transaction: the one that is open, or one of its own."""
        if self._connection.info.transaction_status == TransactionStatus.IDLE:
            with self.snapshot():
                yield from self._over_cursor(query, parameters)
        else:
            yield from self._over_cursor(query, parameters)

    def _over_cursor(self, query: LiteralString, parameters: Sequence[object]) -> Iterator[Entry]:
        with self._connection.cursor(name="entries") as cursor:
            cursor.itersize = _PAGE
            cursor.execute(query, parameters)
            for writer_id, sequence, previous, own, decision_id, key, fingerprint, decided_at_us, record in cursor:
                keys = RecordKeys(decision_id, (key or b"").decode(), fingerprint, decided_at_us)
                yield Entry(writer_id, sequence, previous, own, keys, record)

    def _row(self, query: LiteralString, *parameters: object) -> tuple[Any, ...]:
        row = self._connection.execute(query, parameters).fetchone()
        assert row is not None
        return row

    def _number(self, query: LiteralString, *parameters: object) -> int:
        return int(self._row(query, *parameters)[0])


def removals(connection: BoundedConnection, *, days: tuple[date, date]) -> Sequence[Removal]:
    """What retention removed of these days, the last one included: by day, then by time."""
    rows = connection.execute(
        "SELECT day, removed_at, keep_days, exported_to, command,"
        " sum(last_sequence - first_sequence + 1)::bigint, count(DISTINCT writer_id)"
        " FROM tidegate_ledger.removals JOIN tidegate_ledger.anchors USING (removal)"
        " WHERE day BETWEEN %s AND %s GROUP BY removal ORDER BY day, removal",
        days,
    )
    return [
        Removal(day, records, writers, removed_at.astimezone(UTC), Reason(keep_days, exported_to or "", command))
        for day, removed_at, keep_days, exported_to, command, records, writers in rows.fetchall()
    ]
