"""Whose turn it is to compute: one process per event log, whichever comes first and for as long as it lives.

Others record events meanwhile. Two processes would not spoil anything, they would only do the same work twice.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

RETRY_S = 0.5
"""Between two attempts to take the turn."""


class Turn:
    """A lock on a file, which the system takes back when its holder dies."""

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Takes nothing yet.

        Args:
            path: The lock's file, made if it isn't there.
            monotonic: Seconds that only grow.
        """
        self._path = path
        self._monotonic = monotonic
        self._file: int | None = None
        self._next_attempt = float("-inf")
        self._guard = threading.Lock()

    def held(self) -> bool:
        """True if it is this process's turn; asks for it if it is not, without waiting. Raises OSError."""
        with self._guard:
            if self._file is None and self._monotonic() >= self._next_attempt:
                self._next_attempt = self._monotonic() + RETRY_S
                self._file = _locked(self._path)
            return self._file is not None

    def give_up(self) -> None:
        """Lets others have it."""
        with self._guard:
            if self._file is not None:
                os.close(self._file)
            self._file = None
            self._next_attempt = float("inf")


def _locked(path: Path) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(file)
        raise
    return file
