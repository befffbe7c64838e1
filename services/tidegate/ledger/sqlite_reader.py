"""Point reads of a SQLite ledger beside its writer, each on a connection to the file that is there now."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tidegate.ledger.reader_threads import ReaderThreads
from tidegate.ledger.sqlite_schema import SameFile, open_ledger

R = TypeVar("R")


class SqliteReader(ReaderThreads[sqlite3.Connection]):
    """Reads a SQLite ledger. In WAL mode neither readers nor the writer wait for each other."""

    def __init__(self, path: Path, *, threads: int, timeout_s: float) -> None:
        super().__init__(threads=threads, timeout_s=timeout_s, failures=(sqlite3.Error, OSError))
        self._path = path
        self._idle: list[tuple[sqlite3.Connection, SameFile]] = []  # list's append and pop are atomic

    def _query(self, query: Callable[[sqlite3.Connection], R]) -> R:
        connection, file = self._connection()
        try:
            answer = query(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append((connection, file))
        return answer

    def _connection(self) -> tuple[sqlite3.Connection, SameFile]:
        while self._idle:
            try:
                connection, file = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if file.holds():
                return connection, file
            connection.close()
        connection = open_ledger(self._path, timeout_s=self._timeout_s)
        connection.execute("PRAGMA query_only = ON")
        return connection, SameFile(self._path)

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop()[0].close()
