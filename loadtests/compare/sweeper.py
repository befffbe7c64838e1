"""Ends what a comparison leaves behind, however it ended: `python -m loadtests.compare.sweeper`.

A frozen process can't notice that its parent is gone. The sweeper reads session ids from a pipe; when the other end
closes, be it by `kill -9`, it waits for what ends by itself and kills the rest of these sessions.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Self

import psutil

GRACE_S = 3.0
"""For what ends by itself."""
_POLL_S = 0.1


class Sweeper:
    """The sweeper as the comparison sees it."""

    def __init__(self, checkout: Path) -> None:
        """Starts it, in a session of its own."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.compare.sweeper"],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def watch(self, session: int) -> None:
        """Adds a session: the pid of the process that leads it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{session}\n")
        self._process.stdin.flush()


def alive(sessions: Collection[int]) -> Iterator[psutil.Process]:
    """Yields the processes of these sessions."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def main() -> None:
    """Waits for the other end to close, then sweeps."""
    for number in (signal.SIGINT, signal.SIGTERM):  # of a terminal: the comparison stops everything in order
        signal.signal(number, signal.SIG_IGN)
    sessions = {int(line) for line in sys.stdin}
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(alive(sessions)):
        time.sleep(_POLL_S)
    for process in alive(sessions):
        with contextlib.suppress(psutil.Error):
            process.kill()


if __name__ == "__main__":
    main()
