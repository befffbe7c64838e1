"""The one session that may write a writer's chain: it holds the chain's lock on the server for as long as it lives.

Whoever opens the next one gets the lock only when the former session is over, committed or not. So what it then
reads is how the former ended.
"""

import contextlib
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus
from psycopg.rows import TupleRow

from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.postgres_chain import Loss
from tidegate.ledger.postgres_partitions import Partitions
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.ledger.postgres_statements import (
    DROP_EXPIRED_KEYS,
    END_STALE,
    FIND_HEAD,
    FIND_IDS,
    FIND_KEYS,
    INSERT_POLICIES,
    LOCK_WRITER,
    PROBE,
    RECORD,
    RECORD_KEYED,
    STORE_LOST_HEAD,
    writer_lock,
)
from tidegate.ledger.postgres_transaction import Link, PostgresTransaction
from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.postgres.durability import CommitWarnings, refuse_losses
from tidegate.postgres.primary import refuse_standby


class WriterSession:
    """Looks, writes and commits. An error of psycopg's on it leaves it to be closed, unless it `is_open` still."""

    def __init__(self, connection: BoundedConnection, head: Head) -> None:
        """Takes a connection that holds the lock, and where the chain ends; see `open`."""
        self._connection = connection
        self._partitions = Partitions()
        self._warnings = CommitWarnings(connection)
        self.head = head
        """Where the chain ends. Nobody else can move it."""

    @classmethod
    def open(cls, target: PostgresTarget, *, writer_id: str, timeout_s: float) -> "WriterSession":
        """A new one, once the former is over. Raises psycopg.Error, for a standby too: it may lack what is not lost."""
        name = f"tidegate ledger writer {writer_id}"
        connection = target.connected(name=name, timeout_s=timeout_s, point_reads=True)
        try:
            with connection.within(timeout_s):
                refuse_standby(connection)  # it may be behind: then its answer to what became of a commit is wrong
                LEDGER.ensure(connection)
                refuse_losses(connection)
                connection.execute(END_STALE, (name,))
                connection.execute(LOCK_WRITER, (writer_lock(writer_id),))
                found = connection.execute(FIND_HEAD, (writer_id,)).fetchone()
        except BaseException:
            connection.close()
            raise
        return cls(connection, Head(writer_id, *(found or (0, GENESIS))))

    @contextlib.contextmanager
    def within(self, timeout_s: float) -> Iterator[None]:
        """All waits in the block end by then."""
        with self._connection.within(timeout_s):
            yield

    def is_open(self) -> bool:
        """Whether the server can still be talked to: what it has refused then, it has rolled back."""
        return not self._connection.closed and self._connection.pgconn.status == ConnStatus.OK

    def close(self) -> None:
        """Ends it; the server rolls back what is not committed."""
        self._connection.close()

    def look(self, transaction: PostgresTransaction, *, ids_too: bool) -> Sequence[bytes]:
        """Marks what needs no recording, since the ledger has it. Returns keys whose records are gone.

        Args:
            transaction: What is to be recorded.
            ids_too: Whether to look for records with the same ids.
        """
        keys = [each.keys.idempotency_key.encode() for each in transaction.appended if each.keys.idempotency_key]
        expired = _mark_keys(transaction, self._connection.execute(FIND_KEYS, (keys,))) if keys else ()
        if ids_too:
            days = [each.day for each in transaction.appended]
            ids = [each.keys.decision_id for each in transaction.appended]
            _mark_ids(transaction, self._connection.execute(FIND_IDS, (days, ids)))
        return expired

    def write(self, transaction: PostgresTransaction, links: Sequence[Link], *, expired: Sequence[bytes]) -> None:
        """Records and commits, in one message: the server locks nothing while it waits for the rest of it.

        Raises:
            errors.UniqueViolation: Another replica was first with a key, or the record is there already: look again.
            errors.CheckViolation: A day's table was dropped under us: write again.
            psycopg.Error: Anything else. Where the session is open still, nothing was recorded; else it is not known.
        """
        self._partitions.make(self._connection, {link.appended.day for link in links})
        self._warnings.forget()
        try:
            if transaction.policies or transaction.probes or expired:
                self._commit_all(transaction, links, expired)
            elif links:
                self._record(links)
        except (errors.UniqueViolation, errors.CheckViolation) as violated:
            self._connection.rollback()
            if isinstance(violated, errors.CheckViolation):
                self._partitions.forget()
            raise
        if links:
            self.head = links[-1].head
        self._warnings.refuse()

    def mark(self, loss: Loss) -> None:
        """Keeps where a chain ended that has lost records: `verify` tells how many are gone. Raises psycopg.Error."""
        lost = loss.acknowledged
        self._connection.execute(STORE_LOST_HEAD, (lost.writer_id, lost.sequence, lost.hash, *loss.days))

    def _commit_all(self, transaction: PostgresTransaction, links: Sequence[Link], expired: Sequence[bytes]) -> None:
        """Policies, probes and what makes room for keys, which are rare, with the records."""
        execute = self._connection.execute
        with self._connection.pipeline():
            execute("BEGIN")
            if transaction.policies:
                documents = sorted(transaction.policies.items())
                execute(INSERT_POLICIES, tuple(map(list, zip(*documents, strict=True))))
            if transaction.probes:
                execute(PROBE)
            if expired:
                execute(DROP_EXPIRED_KEYS, (list(expired),))
            if links:
                self._record(links)
            committed = execute("COMMIT")
        if committed.statusmessage != "COMMIT":
            raise errors.TransactionRollback(f"COMMIT was answered with {committed.statusmessage}")

    def _record(self, links: Sequence[Link]) -> None:
        days, end = [link.appended.day for link in links], links[-1].head
        head = (end.writer_id, end.sequence, end.hash, min(days), max(days))
        if keys := _keys(links):
            self._connection.execute(RECORD_KEYED, (*_columns(links), *keys, *head))
        else:
            self._connection.execute(RECORD, (*_columns(links), *head))


def _mark_keys(transaction: PostgresTransaction, found: psycopg.Cursor[TupleRow]) -> Sequence[bytes]:
    taken: dict[str, tuple[str, bytes]] = {}
    expired: list[bytes] = []
    for key, fingerprint, payload in found:
        if payload is None:
            expired.append(key)
        else:
            taken[key.decode()] = (fingerprint, payload)
    for each in transaction.appended:
        if (earlier := taken.get(each.keys.idempotency_key)) is not None:
            each.stands_for(*earlier)
    return expired


def _mark_ids(transaction: PostgresTransaction, found: psycopg.Cursor[TupleRow]) -> None:
    recorded: dict[str, bytes] = dict(found.fetchall())
    for each in transaction.appended:
        if not each.is_settled and (payload := recorded.get(each.keys.decision_id)) is not None:
            each.has_id_of(payload)


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
