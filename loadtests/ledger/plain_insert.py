"""What the server takes without a ledger around it: the same rows, made beforehand, by multi-row INSERT."""

import contextlib
import time
from collections.abc import Sequence

import psycopg

from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.postgres_partitions import day_of
from tidegate.ledger.record_format import encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.moderation.decision import DecisionRecord
from tidegate.postgres.connection import PostgresTarget

Columns = tuple[object, ...]


def prepared_rows(records: Sequence[DecisionRecord]) -> Sequence[Columns]:
    """As the ledger stores them, hashes included."""
    head, rows = Head("plain", 0, GENESIS), []
    for record in records:
        keys, payload = RecordKeys.of(record), encode(record)
        following = head.next(payload)
        rows.append(
            (
                day_of(keys.decided_at_us),
                keys.decision_id,
                None,
                keys.fingerprint,
                keys.decided_at_us,
                following.writer_id,
                following.sequence,
                head.hash,
                following.hash,
                payload,
            )
        )
        head = following
    return rows


def rows_per_s(target: PostgresTarget, rows: Sequence[Columns], *, size: int, seconds: float) -> float:
    """Inserted by one connection, statement after statement of `size` rows, each committed."""
    row = f"({', '.join(['%b'] * len(rows[0]))})"
    statement = f"INSERT INTO plain VALUES {', '.join([row] * size)}"  # noqa: S608 - placeholders
    batches = _batches(rows, size)
    done, took_s = 0, 0.0
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as connection:
        while took_s < seconds:
            _fresh_table(connection)  # off the clock: when all rows are in, they go into an empty table again
            begun = time.perf_counter()
            for batch in batches:
                connection.execute(statement, batch)
                done += size
                if took_s + time.perf_counter() - begun >= seconds:
                    break
            took_s += time.perf_counter() - begun
    return done / took_s


def _batches(rows: Sequence[Columns], size: int) -> list[list[object]]:
    """Values of whole statements."""
    starts = range(0, len(rows) - size + 1, size)
    return [[value for row in rows[start : start + size] for value in row] for start in starts]


def _fresh_table(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    connection.execute("DROP TABLE IF EXISTS plain")
    connection.execute("CREATE TABLE plain (LIKE tidegate_ledger.records INCLUDING ALL)")
