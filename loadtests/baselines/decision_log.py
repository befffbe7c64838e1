"""Decisions in a SQLite file, durable before the reply: one writer thread, one transaction for all that wait."""

import asyncio
import queue
import sqlite3
import threading
from pathlib import Path
from typing import Protocol

_Job = tuple[str, bytes, asyncio.Future[None]]


class DecisionLog(Protocol):
    """Keeps decisions."""

    async def append(self, decision_id: str, decision: bytes) -> None:
        """Returns when the decision is durable. Raises sqlite3.Error if it can't be."""
        ...

    def close(self) -> None:
        """Writes out what waits."""
        ...


class NoDecisionLog:
    """Keeps nothing: to measure without it."""

    async def append(self, decision_id: str, decision: bytes) -> None:
        """See `DecisionLog`."""
        del decision_id, decision

    def close(self) -> None:
        """Nothing to do."""


class SqliteDecisionLog:
    """A table of decisions, WAL, fsync at every commit."""

    def __init__(self, path: Path) -> None:
        """Opens the file; its folder is made if need be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, decision BLOB NOT NULL)")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    async def append(self, decision_id: str, decision: bytes) -> None:
        """See `DecisionLog`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._jobs.put((decision_id, decision, done))
        await done

    def close(self) -> None:
        """See `DecisionLog`."""
        self._jobs.put(None)
        self._writer.join()
        self._connection.close()

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs, last = [job], False
            while not self._jobs.empty() and not last:
                further = self._jobs.get()
                if further is None:
                    last = True
                else:
                    jobs.append(further)
            _settle(jobs, self._committed(jobs))
            if last:
                return

    def _committed(self, jobs: list[_Job]) -> sqlite3.Error | None:
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO decisions VALUES (?, ?)", [job[:2] for job in jobs])
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return error
        return None


def _settle(jobs: list[_Job], error: sqlite3.Error | None) -> None:
    jobs[0][2].get_loop().call_soon_threadsafe(_tell, jobs, error)


def _tell(jobs: list[_Job], error: sqlite3.Error | None) -> None:
    for *_, done in jobs:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
