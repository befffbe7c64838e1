"""A ledger in a PostgreSQL database, for those who look back and those who follow."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from tidegate.ledger.archive import LedgerUnreadableError, NoLedgerError
from tidegate.ledger.postgres_archive import PostgresArchive
from tidegate.ledger.postgres_follower import PostgresFollower
from tidegate.ledger.postgres_partitions import make_missing
from tidegate.ledger.postgres_retention import PostgresDayRemover
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.ledger.retention_port import RetentionUnderWayError
from tidegate.postgres.connection import BoundedConnection, PostgresTarget, said
from tidegate.postgres.schema import ForeignSchemaError
from tidegate.postgres.transport import unverified

MIGRATED_AHEAD_DAYS = 7
"""Days from today that get their table from `migrate`: a job that runs it daily may fail for a few days."""


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """`LedgerPlace` on PostgreSQL."""

    target: PostgresTarget
    """The database."""

    def __str__(self) -> str:
        """Without user and password."""
        return str(self.target)

    @contextlib.contextmanager
    def opened(self) -> Iterator[PostgresArchive]:
        """See `LedgerPlace.opened`. Makes no tables."""
        with self._explained(), contextlib.closing(self._connected()) as connection:
            found = LEDGER.version(connection)
            if found == 0:
                raise NoLedgerError(
                    f"There is no ledger in {self} yet. `tidegate up` or `tidegate ledger migrate` makes one."
                )
            if found < LEDGER.newest:
                raise LedgerUnreadableError(
                    f"The ledger in {self} is of an older version. `tidegate ledger migrate` brings it up to date."
                )
            yield PostgresArchive(connection)

    def follower(self, noted: Callable[[str], str]) -> PostgresFollower:
        """See `LedgerPlace.follower`."""
        return PostgresFollower(self.target, noted)

    @contextlib.contextmanager
    def remover(self) -> Iterator[PostgresDayRemover]:
        """See `LedgerPlace.remover`. Needs the role that owns the tables, and tables that are not newer than this.

        What a newer release keeps of a day is not known here, and what was removed can't be put back.
        """
        try:
            name = "tidegate ledger retention"
            with contextlib.closing(self.target.connected(name=name, timeout_s=None)) as connection:
                found = LEDGER.version(connection)
                if found > LEDGER.newest:
                    raise ForeignSchemaError(
                        f"its schema version {found} is of a newer Tidegate, and this one knows {LEDGER.newest}; days"
                        " are removed by the newest release only, so run it there"
                    )
                yield PostgresDayRemover(connection)
        except (psycopg.Error, RetentionUnderWayError) as error:
            why = said(error) if isinstance(error, psycopg.Error) else error
            raise LedgerUnreadableError(f"Nothing can be removed from the ledger in {self}: {why}.") from error

    def unverified(self) -> str | None:
        """What is not sure about its connections (`postgres.transport`); None if nothing is missing."""
        return unverified(self.target, whose="the ledger's")

    def migrate(self, *, warned: Callable[[str], None] | None = None) -> None:
        """See `LedgerPlace.migrate`. Makes tables for the next days too, for routers that may make none."""
        if warned is not None and (missing := self.unverified()):
            warned(missing)
        with self._explained(), contextlib.closing(self._connected()) as connection:
            LEDGER.migrate(connection, warned=warned)
            today = datetime.now(UTC).date()
            make_missing(connection, [today + timedelta(days=ahead) for ahead in range(MIGRATED_AHEAD_DAYS + 1)])

    def _connected(self) -> BoundedConnection:
        """Without a bound for statements: a count may take minutes."""
        return self.target.connected(name="tidegate ledger archive", timeout_s=None)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ForeignSchemaError as error:
            raise LedgerUnreadableError(f"The ledger in {self} can't be used: {error}.") from error
        except psycopg.Error as error:
            raise LedgerUnreadableError(f"The ledger in {self} can't be read: {said(error)}.") from error
