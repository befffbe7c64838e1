"""A lock between the processes that write one event log.

SQLite has its own, but releases it before the checkpoint that follows a commit. Up to 3.51.2 (Debian 12 has 3.40.1)
a commit by one process during a checkpoint by another can, very rarely, lose committed pages:
https://sqlite.org/wal.html#walresetbug. Held over transaction and checkpoint, this lock rules that out. The kernel
releases it when its holder dies. The ledger has the same lock for the same reason; the layers keep the two apart.
"""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(log: Path, *, timeout_s: float, role: str = "writer") -> Iterator[None]:
    """Holds the lock for the block; every other holder, in this process too, is kept out.

    Args:
        log: The log's file; the lock's lies beside it.
        timeout_s: How long to wait for another holder.
        role: Whose lock: the writer's, or the rewriter's, which keeps two from rewriting at once.

    Raises:
        TimeoutError: Another one holds it for longer than the timeout.
        OSError: The lock's file can't be made.
    """
    beside = log.with_name(f"{log.name}-{role}")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, timeout_s)
        yield
    finally:
        os.close(descriptor)  # releases it


def _acquire(descriptor: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError("another process holds the event log's lock") from None
            # About as long as a commit takes; the jitter keeps two writers from losing to each other in step.
            time.sleep(random.uniform(0.0002, 0.002))  # noqa: S311 - jitter, not a secret
        else:
            return
