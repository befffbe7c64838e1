"""Cleans up behind a stack that was killed: `python -m tidegate.serving.stack.warden DIRECTORY SUPERVISOR`.

Children die with the supervisor, but what Ray started is beyond its reach: HAProxy outlives the actor that started it
and holds the port. The warden holds the other end of a pipe to the supervisor; when that closes, however the supervisor
ended, it waits for the rest to end by itself and then kills what is left.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

MARK = "RAY_SERVE_HAPROXY_SERVER_STATE_BASE"
"""The environment variable that all processes of a stack inherit, with a directory that no other stack has."""

GRACE_S = 5.0
"""For what ends by itself once its parent is gone."""

_POLL_S = 0.25


def start_warden(directory: str) -> "subprocess.Popen[bytes]":
    """Starts a warden for the calling process; it ends after it."""
    command = [sys.executable, "-m", "tidegate.serving.stack.warden", directory, str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def left_behind(directory: str, supervisor: int) -> Iterator[psutil.Process]:
    """Yields what is alive of a stack: by its mark, or by its session where the supervisor led one.

    Ray's workers overwrite their environment with their title, so the mark alone does not find all.
    """
    for process in psutil.process_iter():
        if process.pid in {os.getpid(), supervisor}:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            in_session = os.getsid(process.pid) == supervisor
            if (in_session or process.environ().get(MARK) == directory) and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def main() -> int:
    """Waits for the supervisor's end, then cleans up. Arguments: the stack's directory, the supervisor's pid."""
    directory, supervisor = sys.argv[1], int(sys.argv[2])
    sys.stdin.buffer.read()  # returns when the supervisor's end of the pipe closes
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(left_behind(directory, supervisor)):
        time.sleep(_POLL_S)
    for process in left_behind(directory, supervisor):
        with contextlib.suppress(psutil.Error):
            process.kill()
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
