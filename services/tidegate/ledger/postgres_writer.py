"""Transactions of one writer on a PostgreSQL ledger. Runs on the group commit's thread only.

A transaction is two round trips: look (the chain's end, keys that are taken), then write and COMMIT in one message.
Between the two nothing is locked but the writer's own chain, so a replica that stops there holds up nobody.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus
from psycopg.rows import TupleRow

from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.postgres_connection import BoundedConnection, PostgresTarget
from tidegate.ledger.postgres_partitions import Partitions
from tidegate.ledger.postgres_schema import migrate
from tidegate.ledger.postgres_statements import (
    DROP_EXPIRED_KEYS,
    END_STALE,
    FIND_HEAD,
    FIND_IDS,
    FIND_KEYS,
    INSERT_KEYS,
    INSERT_POLICIES,
    INSERT_RECORDS,
    LOCK_WRITER,
    PROBE,
    STORE_HEAD,
    writer_lock,
)
from tidegate.ledger.postgres_transaction import Link, PostgresTransaction

_log = logging.getLogger(__name__)

ATTEMPTS = 5
"""At one transaction. Each but the first follows another replica that was first with one of its keys."""
_AWAY_S = 0.1
"""From a server's refusal until it is asked again; up to half as much is added, so that replicas differ."""
_LOOK_AGAIN_S = 0.05


class ServerAwayError(Exception):
    """The server did not let us in a moment ago."""


class OutcomeUnknownError(Exception):
    """The connection was lost during COMMIT, and the server could not be asked in time what became of it."""


class PostgresTransactions:
    """Connects, looks, writes and commits. After any failure it starts afresh with a new connection."""

    def __init__(
        self,
        target: PostgresTarget,
        *,
        writer_id: str,
        timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            writer_id: Whose chain this is: a process of its own.
            timeout_s: For one transaction, looking after a lost connection included.
            monotonic: Seconds that only grow.
        """
        self._target = target
        self._writer_id = writer_id
        self._name = f"tidegate ledger writer {writer_id}"
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._connection: BoundedConnection | None = None
        self._partitions = Partitions()
        self._current = PostgresTransaction()
        self._policies: dict[str, str] = {}
        self._fresh = True
        self._away_until = float("-inf")
        self._warnings: list[str] = []

    def begin(self) -> PostgresTransaction:
        """See `Transactions.begin`. Connects if need be; the transaction itself is opened when it is committed."""
        if self._connection is None:
            self._connection = self._connected()
        self._current = PostgresTransaction()
        if self._fresh:  # it may be another database than before, and no decision is kept without its policy
            self._current.keep_policies(self._policies)
        return self._current

    def commit(self) -> None:
        """See `Transactions.commit`.

        Raises:
            psycopg.Error: Nothing was recorded.
            OutcomeUnknownError: It can't be told in time. The callers have gone by then.
        """
        transaction, deadline = self._current, self._monotonic() + self._timeout_s
        self._policies.update(transaction.policies)
        if not transaction.is_empty:
            assert self._connection is not None
            with self._connection.within(self._timeout_s):
                self._recorded(self._connection, transaction, deadline=deadline)
        self._fresh = False

    def discard(self) -> None:
        """See `Transactions.discard`."""
        self._partitions.forget()
        self._fresh = True
        if self._connection is not None:
            self._connection.close()  # the server rolls back
            self._connection = None

    def close(self) -> None:
        """See `Transactions.close`."""
        self.discard()

    def _connected(self) -> BoundedConnection:
        if self._monotonic() < self._away_until:
            raise ServerAwayError
        try:
            connection = self._open(self._timeout_s)
        except psycopg.Error:
            self._away_until = self._monotonic() + _AWAY_S * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, not a secret
            raise
        return connection

    def _open(self, timeout_s: float) -> BoundedConnection:
        connection = self._target.connected(name=self._name, timeout_s=timeout_s, point_reads=True)
        try:
            with connection.within(timeout_s):
                migrate(connection)
                _refuse_losses(connection)
                connection.execute(END_STALE, (self._name,))
        except BaseException:
            connection.close()
            raise
        connection.add_notice_handler(self._heed)
        return connection

    def _heed(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(str(notice.message_primary))

    def _recorded(self, connection: BoundedConnection, transaction: PostgresTransaction, *, deadline: float) -> None:
        for attempt in range(ATTEMPTS):
            transaction.reset()
            self._partitions.make(connection, {each.day for each in transaction.appended})
            base, expired = self._look(connection, transaction, ids_too=attempt > 0)
            links = transaction.chained(base)
            end = links[-1].head if links else base
            try:
                self._write(connection, transaction, links, expired)
            except errors.UniqueViolation:  # another replica was first with a key, or the record is there already
                connection.rollback()
                continue
            except errors.CheckViolation:  # a day's table was dropped under us
                connection.rollback()
                self._partitions.forget()
                continue
            except psycopg.Error as cause:
                if _is_open(connection):  # the server refused, and rolled back
                    raise
                if not self._was_recorded(base, end, deadline=deadline, cause=cause):
                    raise
            for link in links:
                link.appended.kept = link.appended.payload
            return
        raise errors.SerializationFailure(f"not recorded in {ATTEMPTS} attempts")

    def _look(
        self, connection: BoundedConnection, transaction: PostgresTransaction, *, ids_too: bool
    ) -> tuple[Head, Sequence[bytes]]:
        """The chain's end, and keys whose records are gone. Marks what needs no recording.

        The end is read here and not remembered: a commit with unknown outcome can't fork the chain. It is read behind
        the writer's lock, which a commit of ours that the server may still be working on holds.
        """
        keyed = {each.keys.idempotency_key.encode(): each for each in transaction.appended if each.keys.idempotency_key}
        with connection.pipeline():
            connection.execute("BEGIN")
            connection.execute(LOCK_WRITER, (writer_lock(self._writer_id),))
            head = connection.execute(FIND_HEAD, (self._writer_id,))
            keys = connection.execute(FIND_KEYS, (list(keyed),)) if keyed else None
            ids = None
            if ids_too:
                days = [each.day for each in transaction.appended]
                ids = connection.execute(FIND_IDS, (days, [each.keys.decision_id for each in transaction.appended]))
        expired = self._mark_keys(transaction, keys)
        for decision_id, payload in ids.fetchall() if ids else ():
            for each in transaction.appended:
                open_yet = each.kept is None and each.error is None
                if each.keys.decision_id == decision_id and open_yet and not each.has_id_of(payload):
                    _log.error("ledger.decision_id_not_unique", extra={"decision_id": decision_id})
        return Head(self._writer_id, *(head.fetchone() or (0, GENESIS))), expired

    @staticmethod
    def _mark_keys(transaction: PostgresTransaction, found: psycopg.Cursor[TupleRow] | None) -> Sequence[bytes]:
        taken: dict[str, tuple[str, bytes]] = {}
        expired: list[bytes] = []
        for key, fingerprint, payload in found.fetchall() if found else ():
            if payload is None:
                expired.append(key)
            else:
                taken[key.decode()] = (fingerprint, payload)
        for each in transaction.appended:
            if (earlier := taken.get(each.keys.idempotency_key)) is not None:
                each.stands_for(*earlier)
        return expired

    def _write(
        self,
        connection: BoundedConnection,
        transaction: PostgresTransaction,
        links: Sequence[Link],
        expired: Sequence[bytes],
    ) -> None:
        """In one message with COMMIT. Keys come last: that is when other replicas may have to wait for us."""
        self._warnings.clear()
        with connection.pipeline():
            if transaction.policies:
                documents = sorted(transaction.policies.items())
                connection.execute(INSERT_POLICIES, tuple(map(list, zip(*documents, strict=True))))
            if transaction.probes:
                connection.execute(PROBE)
            if links:
                connection.execute(INSERT_RECORDS, _columns(links))
                days, end = [link.appended.day for link in links], links[-1].head
                connection.execute(STORE_HEAD, (end.writer_id, end.sequence, end.hash, min(days), max(days)))
                if expired:
                    connection.execute(DROP_EXPIRED_KEYS, (list(expired),))
                if keys := _keys(links):
                    connection.execute(INSERT_KEYS, keys)
            committed = connection.execute("COMMIT")
        if committed.statusmessage != "COMMIT":
            raise errors.TransactionRollback(f"COMMIT was answered with {committed.statusmessage}")
        if self._warnings:  # as when the wait for a standby was cancelled: here, and not yet where it should be too
            raise errors.TransactionResolutionUnknown(f"COMMIT came with a warning: {self._warnings[-1]}")

    def _was_recorded(self, base: Head, end: Head, *, deadline: float, cause: psycopg.Error) -> bool:
        """Whether what moves the chain from `base` to `end` was committed: by looking, until it is known."""
        _log.warning("ledger.connection_lost", extra={"cause": repr(cause)})
        self.discard()
        if end == base:  # it recorded nothing: whoever asked can ask again
            return False
        while (left_s := deadline - self._monotonic()) > 0:
            try:
                self._connection = self._open(left_s)
                with self._connection.within(left_s):
                    found, _ = self._look(self._connection, PostgresTransaction(), ids_too=False)
                    self._connection.rollback()
            except psycopg.Error:
                self.discard()
                time.sleep(_LOOK_AGAIN_S)
            else:
                _log.warning("ledger.outcome_known", extra={"recorded": found == end})
                return found == end
        raise OutcomeUnknownError from cause


def _is_open(connection: BoundedConnection) -> bool:
    """Whether the server can still be talked to: what it has refused then, it has rolled back."""
    return not connection.closed and connection.pgconn.status == ConnStatus.OK


def _refuse_losses(connection: BoundedConnection) -> None:
    """COMMIT has to mean durable, whatever the server's default is."""
    row = connection.execute("SELECT current_setting('synchronous_commit'), current_setting('fsync')").fetchone()
    assert row is not None
    if row[0] == "off":
        connection.execute("SET synchronous_commit = on")
    if row[1] == "off":
        _log.error("ledger.server_without_fsync")


def _columns(links: Sequence[Link]) -> tuple[list[object], ...]:
    """The rows, column by column."""
    appended = [link.appended for link in links]
    return (
        [each.day for each in appended],
        [each.keys.decision_id for each in appended],
        [each.keys.idempotency_key.encode() or None for each in appended],
        [each.keys.fingerprint for each in appended],
        [each.keys.decided_at_us for each in appended],
        [link.head.writer_id for link in links],
        [link.head.sequence for link in links],
        [link.previous_hash for link in links],
        [link.head.hash for link in links],
        [each.payload for each in appended],
    )


def _keys(links: Sequence[Link]) -> tuple[list[object], ...]:
    """Idempotency keys in an order that is the same for all replicas, or two of them could wait for each other."""
    keyed = sorted(
        (each.keys.idempotency_key.encode(), each.keys.fingerprint, each.day, each.keys.decision_id)
        for each in (link.appended for link in links)
        if each.keys.idempotency_key
    )
    return tuple(map(list, zip(*keyed, strict=True)))
