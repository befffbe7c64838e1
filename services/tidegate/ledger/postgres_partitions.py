"""One table a day for records: made ahead, and on demand for a clock that is late or early."""

import logging
import time
from collections.abc import Collection, Iterator
from datetime import date, timedelta

from psycopg import errors, sql

from tidegate.ledger.postgres_schema import SCHEMA
from tidegate.postgres.connection import BoundedConnection

_log = logging.getLogger(__name__)

AHEAD_DAYS = 2
"""Days after one that is written to that get their table with it: at midnight nobody waits for one."""

PARTITION_LOCK = 0x5449_4447_0000_0002
"""Advisory lock ("TIDG", 2) that who makes tables holds until the end of the transaction."""

_AHEAD_WAIT_MS = 100
"""Longest wait for a lock when all that lacks a table is days ahead: whoever waits to be recorded waits with it."""
_AHEAD_AGAIN_S = 30.0
"""Until days ahead are tried again after that."""

_EPOCH = date(1970, 1, 1)
_US_PER_DAY = 86_400_000_000


def day_of(decided_at_us: int) -> date:
    """The UTC day of a time in microseconds since 1970: the partition of a decision that was made then."""
    return _EPOCH + timedelta(days=decided_at_us // _US_PER_DAY)


def name_of(day: date) -> str:
    """The day's table, without its schema."""
    return f"records_{day:%Y%m%d}"


class Partitions:
    """Which days have their table, as far as one connection's user knows."""

    def __init__(self) -> None:
        self._known: set[date] = set()
        self._ahead_from_s = float("-inf")

    def forget(self) -> None:
        """Looks again from now on: another database, or a day that was dropped."""
        self._known.clear()

    def make(self, connection: BoundedConnection, days: Collection[date]) -> None:
        """Makes the tables of these days, and of the days after them, unless they are there.

        In a transaction of its own, before the one that writes. Where we may make none, days ahead are left to whoever
        may (`tidegate ledger migrate`); where somebody holds the table (ANALYZE does), until a little later. Raises
        psycopg.Error for the days themselves.
        """
        wanted = {each for day in days for each in _with_next(day)} - self._known
        asked = wanted & set(days)
        if not wanted or (not asked and time.monotonic() < self._ahead_from_s):
            return
        missing = set(_missing(connection, wanted))
        urgent = bool(missing & asked)
        try:
            make_missing(connection, missing, wait_ms=None if urgent else _AHEAD_WAIT_MS)
        except errors.InsufficientPrivilege:
            if urgent:
                raise
            _log.warning("ledger.days_ahead_missing", extra={"days": sorted(day.isoformat() for day in missing)})
        except errors.LockNotAvailable:
            if urgent:
                raise
            _log.warning("ledger.days_ahead_locked", extra={"days": sorted(day.isoformat() for day in missing)})
            self._ahead_from_s = time.monotonic() + _AHEAD_AGAIN_S
            wanted -= missing
        self._known |= wanted


def make_missing(connection: BoundedConnection, days: Collection[date], *, wait_ms: int | None = None) -> None:
    """Makes the tables of those of the days that have none, one process at a time. Raises psycopg.Error.

    Args:
        connection: Outside a transaction.
        days: Which.
        wait_ms: Longest wait for a lock; None leaves it as the connection has it.
    """
    if not days:
        return
    with connection.transaction():
        if wait_ms is not None:
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (str(wait_ms),))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (PARTITION_LOCK,))
        for day in sorted(_missing(connection, days)):
            _make(connection, day)


def _with_next(day: date) -> Iterator[date]:
    for ahead in range(min(AHEAD_DAYS, (date.max - day).days - 1) + 1):
        yield day + timedelta(days=ahead)


def _missing(connection: BoundedConnection, days: Collection[date]) -> Iterator[date]:
    found = connection.execute(
        "SELECT day FROM unnest(%s::date[]) AS day WHERE NOT EXISTS (SELECT FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = 'records_' || to_char(day, 'YYYYMMDD'))",
        (list(days), SCHEMA),
    )
    yield from (day for (day,) in found.fetchall())


def _make(connection: BoundedConnection, day: date) -> None:
    """ATTACH, since CREATE … PARTITION OF would wait for every reader of any day, and all writers behind it."""
    names = {
        "table": sql.Identifier(SCHEMA, name_of(day)),
        "records": sql.Identifier(SCHEMA, "records"),
        "refuse": sql.Identifier(SCHEMA, "refuse"),
        "start": sql.Literal(day.isoformat()),
        "end": sql.Literal((day + timedelta(days=1)).isoformat()),
    }
    for statement in (
        sql.SQL("CREATE TABLE {table} (LIKE {records} INCLUDING ALL)"),
        sql.SQL("ALTER TABLE {records} ATTACH PARTITION {table} FOR VALUES FROM ({start}) TO ({end})"),
        sql.SQL(
            "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()"
        ),
    ):
        connection.execute(statement.format(**names))
