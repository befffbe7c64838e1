"""A connection to the event log that heals: opened when first needed, and afresh after any failure."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.events.sqlite_schema import SameFile, open_event_log

_log = logging.getLogger(__name__)


class HealingConnection:
    """One connection for one thread at a time; others wait for it."""

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: SameFile | None = None
        self._closed = False
        self.opened = 0
        """How often it was opened: what was read before the last time may have been another file."""

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection, for the block. Whatever SQLite or the system reports in it closes the connection.

        Raises:
            EventLogUnavailableError: It did, or the log can't be opened, or it was closed.
        """
        with self._guard:
            try:
                yield self._opened()
            except (sqlite3.Error, OSError) as cause:
                self._discard()
                # The cause's text may hold a path: it goes to the log, never to callers.
                _log.warning("event_log.unavailable", extra={"cause": repr(cause)})
                raise EventLogUnavailableError("the event log can't be read or written at the moment") from cause

    def close(self) -> None:
        """Closes it for good."""
        with self._guard:
            self._closed = True
            self._discard()

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise EventLogUnavailableError("the event log was closed")
        if self._file is not None and not self._file.holds():
            _log.warning("event_log.file_replaced")
            self._discard()
        if self._connection is None:
            self._connection = open_event_log(self._path, timeout_s=self._timeout_s)
            self._file = SameFile(self._path)
            self.opened += 1
        return self._connection

    def _discard(self) -> None:
        connection, self._connection, self._file = self._connection, None, None
        if connection is None:
            return
        try:
            connection.close()  # rolls back
        except sqlite3.Error as cause:
            _log.warning("event_log.close_failed", extra={"cause": repr(cause)})
