"""A lock between the processes that write one SQLite ledger.

SQLite has its own, but releases it before the checkpoint that follows a commit. Up to 3.51.2 (Debian 12 has 3.40.1)
a commit by one process during a checkpoint by another can, very rarely, lose committed pages:
https://sqlite.org/wal.html#walresetbug. Held over transaction and checkpoint, this lock rules that out. The kernel
releases it when its holder dies.
"""

import fcntl
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class WriterLock:
    """Advisory lock on a file beside the ledger. For one thread; each instance excludes every other."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_name(f"{ledger.name}-writer")
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """True if it is ours now. Raises OSError if the file can't be made."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Lets others write. Harmless if it is not ours."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Releases the lock and its file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def acquired_within(timeout_s: float, attempt: Callable[[], bool]) -> bool:
    """Repeats `attempt` until it is True or time is up.

    Polls at 0.2 to 1 ms: a commit takes about that long, and SQLite's own waits grow to 100 ms, which starves
    whoever lost a few rounds. The jitter keeps two writers from losing to each other in step.
    """
    deadline = time.monotonic() + timeout_s
    while not attempt():
        if time.monotonic() >= deadline:
            return False
        time.sleep(random.uniform(0.0002, 0.001))  # noqa: S311 - jitter, not a secret
    return True


@contextmanager
def exclusive(ledger: Path, *, timeout_s: float) -> Iterator[None]:
    """Holds the lock for the block. Raises TimeoutError."""
    lock = WriterLock(ledger)
    try:
        if not acquired_within(timeout_s, lock.try_acquire):
            raise TimeoutError("another process holds the ledger's writer lock")
        yield
    finally:
        lock.close()
