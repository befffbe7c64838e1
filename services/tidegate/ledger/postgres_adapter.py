"""The decision ledger on PostgreSQL: for many replicas on many machines.

The last step before the reply. Every replica writes the same tables; each has a hash chain of its own.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

from tidegate.ledger.postgres_archive import removals
from tidegate.ledger.postgres_reader import PostgresReader
from tidegate.ledger.postgres_transaction import PostgresTransaction
from tidegate.ledger.postgres_writer import PostgresTransactions
from tidegate.ledger.record_format import RecordFormatError, encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.retention_anchors import Removal
from tidegate.ledger.stored_ledger import StoredLedger, readable
from tidegate.moderation.decision import DecisionRecord
from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.telemetry.pressure import LedgerMetrics

_BY_ID: LiteralString = "SELECT record FROM tidegate_ledger.records WHERE decision_id = %s"
_BY_ID_AND_DAY: LiteralString = _BY_ID + " AND day BETWEEN %s AND %s"
_BY_KEY: LiteralString = (
    "SELECT r.record FROM tidegate_ledger.idempotency_keys AS k"
    " JOIN tidegate_ledger.records AS r ON r.day = k.day AND r.decision_id = k.decision_id"
    " WHERE k.idempotency_key = %b"
)
_POLICY: LiteralString = "SELECT document FROM tidegate_ledger.policies WHERE digest = %s"
_HEX_DIGITS = 32


class PostgresLedger(StoredLedger[PostgresTransaction, BoundedConnection]):
    """`DecisionLedger` in a PostgreSQL database. Connects to nothing until first used."""

    def __init__(
        self,
        target: PostgresTarget,
        *,
        timeout_s: float = 2.0,
        queue_limit: int = 10_000,
        reader_threads: int = 2,
        metrics: LedgerMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the settings.

        Args:
            target: The database; its tables are made if need be.
            timeout_s: Longest wait of any call.
            queue_limit: How many appends may wait for the writer; more are refused with LedgerUnavailable.
            reader_threads: How many reads run at a time.
            metrics: Told of transactions and of who waits; None tells nobody.
            clock: Monotonic seconds.
        """
        super().__init__(
            PostgresTransactions(target, timeout_s=timeout_s, metrics=metrics),
            PostgresReader(target, threads=reader_threads, timeout_s=timeout_s),
            timeout_s=timeout_s,
            queue_limit=queue_limit,
            metrics=metrics,
            clock=clock,
        )

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """See `DecisionLedger.append`. Raises RecordFormatError for a record that has no exact bytes."""
        keys, payload = RecordKeys.of(record), encode(record)
        if "\0" in keys.decision_id or "\0" in keys.fingerprint:
            raise RecordFormatError("PostgreSQL stores no zero character in an id or a fingerprint")
        appended = await self._write(lambda transaction: transaction.append(keys, payload))
        kept = appended.record()
        return record if kept == payload else readable(kept)

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """See `DecisionLedger.get`. An id of ours tells its day; with any other, each day's table is asked."""
        if "\0" in decision_id:
            return None
        found = None
        if (days := _days_around(decision_id)) is not None:
            found = await self._row(_BY_ID_AND_DAY, decision_id, *days)
        found = found or await self._row(_BY_ID, decision_id)
        return None if found is None else readable(found[0])

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """See `DecisionLedger.find_by_key`."""
        found = await self._row(_BY_KEY, idempotency_key.encode())
        return None if found is None else readable(found[0])

    async def policy_document(self, digest: str) -> str | None:
        """See `DecisionLedger.policy_document`."""
        found = await self._row(_POLICY, digest)
        return None if found is None else str(found[0])

    def _removals(self, connection: BoundedConnection, *, days: tuple[date, date]) -> Sequence[Removal]:
        return removals(connection, days=days)

    async def _row(self, statement: LiteralString, *parameters: object) -> tuple[Any, ...] | None:
        def query(connection: BoundedConnection) -> tuple[Any, ...] | None:
            return connection.execute(statement, parameters).fetchone()

        return await self._reader.read(query)


def _days_around(decision_id: str) -> tuple[date, date] | None:
    """The days before and after the one in a UUID version 7 in hex; None if it is something else."""
    if len(decision_id) != _HEX_DIGITS or decision_id[12] != "7":
        return None
    try:
        day = datetime.fromtimestamp(int(decision_id[:12], 16) / 1000, UTC).date()
        return day - timedelta(days=1), day + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
