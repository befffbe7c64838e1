"""The decision ledger on PostgreSQL: for many replicas on many machines.

The last step before the reply. Every replica writes the same tables; each has a hash chain of its own.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString, TypeVar

from tidegate.ledger.group_commit import GroupCommit
from tidegate.ledger.postgres_archive import removals
from tidegate.ledger.postgres_reader import PostgresReader
from tidegate.ledger.postgres_transaction import PostgresTransaction
from tidegate.ledger.postgres_writer import PostgresTransactions
from tidegate.ledger.record_format import RecordFormatError, decode, encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.retention_anchors import Removal, days_told
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.telemetry.pressure import LedgerMetrics

_log = logging.getLogger(__name__)

R = TypeVar("R")

_READY_FOR_S = 1.0
"""A commit vouches for the ledger this long, so that health checks of a busy ledger cost nothing."""

_BY_ID: LiteralString = "SELECT record FROM tidegate_ledger.records WHERE decision_id = %s"
_BY_ID_AND_DAY: LiteralString = _BY_ID + " AND day BETWEEN %s AND %s"
_BY_KEY: LiteralString = (
    "SELECT r.record FROM tidegate_ledger.idempotency_keys AS k"
    " JOIN tidegate_ledger.records AS r ON r.day = k.day AND r.decision_id = k.decision_id"
    " WHERE k.idempotency_key = %b"
)
_POLICY: LiteralString = "SELECT document FROM tidegate_ledger.policies WHERE digest = %s"
_HEX_DIGITS = 32


class PostgresLedger:
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
        self._writer = GroupCommit[PostgresTransaction](
            PostgresTransactions(target, timeout_s=timeout_s, metrics=metrics),
            queue_limit=queue_limit,
            timeout_s=timeout_s,
            metrics=metrics,
        )
        self._reader = PostgresReader(target, threads=reader_threads, timeout_s=timeout_s)
        self._clock = clock
        self._well_until = float("-inf")

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """See `DecisionLedger.append`. Raises RecordFormatError for a record that has no exact bytes."""
        keys, payload = RecordKeys.of(record), encode(record)
        if "\0" in keys.decision_id or "\0" in keys.fingerprint:
            raise RecordFormatError("PostgreSQL stores no zero character in an id or a fingerprint")
        appended = await self._write(lambda transaction: transaction.append(keys, payload))
        kept = appended.record()
        return record if kept == payload else _readable(kept)

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """See `DecisionLedger.get`. An id of ours tells its day; with any other, each day's table is asked."""
        if "\0" in decision_id:
            return None
        found = None
        if (days := _days_around(decision_id)) is not None:
            found = await self._row(_BY_ID_AND_DAY, decision_id, *days)
        found = found or await self._row(_BY_ID, decision_id)
        return None if found is None else _readable(found[0])

    async def removal_of(self, decision_id: str) -> Removal | None:
        """See `DecisionLedger.removal_of`."""
        days = days_told(decision_id)
        if days is None:
            return None
        found = await self._reader.read(lambda connection: removals(connection, days=days))
        return found[-1] if found else None

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """See `DecisionLedger.find_by_key`."""
        found = await self._row(_BY_KEY, idempotency_key.encode())
        return None if found is None else _readable(found[0])

    async def keep_policies(self, documents: Mapping[str, str]) -> None:
        """See `DecisionLedger.keep_policies`. Raises LedgerUnavailable if they could not be made durable."""
        kept = dict(documents)
        await self._write(lambda transaction: transaction.keep_policies(kept))

    async def policy_document(self, digest: str) -> str | None:
        """See `DecisionLedger.policy_document`."""
        found = await self._row(_POLICY, digest)
        return None if found is None else str(found[0])

    async def ready(self) -> bool:
        """See `DecisionLedger.ready`. Writes a probe unless something was committed within the last second."""
        if self._clock() < self._well_until:
            return True
        try:
            await self._write(PostgresTransaction.probe)
        except LedgerUnavailable:
            return False
        return True

    async def close(self) -> None:
        """See `DecisionLedger.close`."""
        await self._writer.close()
        await self._reader.close()
        self._well_until = float("-inf")

    async def _write(self, work: Callable[[PostgresTransaction], R]) -> R:
        try:
            result = await self._writer.run(work)
        except LedgerUnavailable:
            self._well_until = float("-inf")
            raise
        self._well_until = self._clock() + _READY_FOR_S
        return result

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


def _readable(payload: bytes) -> DecisionRecord:
    try:
        return decode(payload)
    except RecordFormatError as cause:  # written by a newer Tidegate, or damaged: `tidegate ledger verify` tells which
        _log.error("ledger.record_unreadable", extra={"cause": str(cause)})
        raise LedgerUnavailable from cause
