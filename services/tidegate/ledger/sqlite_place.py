"""A ledger in a SQLite file, for those who look back and those who follow."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.ledger.archive import LedgerUnreadableError, NoLedgerError
from tidegate.ledger.retention_port import RetentionUnderWayError
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.ledger.sqlite_follower import SqliteFollower
from tidegate.ledger.sqlite_retention import SqliteDayRemover
from tidegate.ledger.sqlite_schema import open_ledger

MIGRATION_TIMEOUT_S = 60.0
"""The longest wait for another process that writes."""


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    """`LedgerPlace` on one file."""

    path: Path
    """The file, which need not be there yet."""

    def __str__(self) -> str:
        """The file."""
        return str(self.path)

    @contextlib.contextmanager
    def opened(self) -> Iterator[SqliteArchive]:
        """See `LedgerPlace.opened`. Makes no file."""
        self._require()
        try:
            with contextlib.closing(SqliteArchive(self.path)) as archive:
                yield archive
        except sqlite3.Error as error:
            raise LedgerUnreadableError(f"The ledger at {self.path} can't be read: {error}.") from error

    @contextlib.contextmanager
    def remover(self) -> Iterator[SqliteDayRemover]:
        """See `LedgerPlace.remover`."""
        self._require()
        try:
            with contextlib.closing(SqliteDayRemover(self.path)) as remover:
                yield remover
        except (sqlite3.Error, OSError, RetentionUnderWayError) as error:
            raise LedgerUnreadableError(f"Nothing can be removed from the ledger at {self.path}: {error}.") from error

    def _require(self) -> None:
        if not self.path.is_file():
            raise NoLedgerError(
                f"There is no ledger at {self.path}. `tidegate up` makes one here; --ledger names another file."
            )

    def migrate(self, *, warned: Callable[[str], None] | None = None) -> None:
        """See `LedgerPlace.migrate`. Warns of nothing: no other release uses the file meanwhile."""
        del warned
        try:
            open_ledger(self.path, timeout_s=MIGRATION_TIMEOUT_S).close()
        except (sqlite3.Error, OSError) as error:
            raise LedgerUnreadableError(f"The ledger at {self.path} can't be used: {error}.") from error

    def follower(self, noted: Callable[[str], str]) -> SqliteFollower:
        """See `LedgerPlace.follower`."""
        return SqliteFollower(self.path, noted)
