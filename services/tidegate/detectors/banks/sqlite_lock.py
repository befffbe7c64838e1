"""A lock between the processes that write one store, held over the transaction and the checkpoint that follows it.

SQLite releases its own before the checkpoint. Up to 3.51.2 a commit by one process during a checkpoint by another can,
very rarely, lose committed pages: https://sqlite.org/wal.html#walresetbug. The kernel releases this one when its holder
dies.
"""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writer_lock(store: Path, *, timeout_s: float) -> Iterator[None]:
    """Holds the lock for the block. Excludes other threads as well. Raises TimeoutError."""
    descriptor = os.open(store.with_name(f"{store.name}-writer"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, deadline_s=time.monotonic() + timeout_s)
        yield
    finally:
        os.close(descriptor)  # releases it


def _acquire(descriptor: int, *, deadline_s: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            if time.monotonic() >= deadline_s:
                raise TimeoutError("another process holds the writer lock") from held
            time.sleep(random.uniform(0.001, 0.005))  # noqa: S311 - keeps waiting writers out of step
        else:
            return
