"""A child process of the stack: started, waited for, stopped, and never left behind."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_TIMEOUT_S = 20.0
"""How long a child may take to stop before it is killed."""


class ChildFailedError(Exception):
    """A child ended or did not become ready. The message says which and where its log is."""


class Child:
    """One child process with its log."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @classmethod
    def start(cls, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> "Child":
        """Starts it with its output in `log`. It dies with this process, even by `kill -9`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, no locks taken
            )
        return cls(name, process, log)

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Waits for it to become ready.

        Raises:
            ChildFailedError: It ended, or it took too long.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.process.poll() is not None:
                raise ChildFailedError(f"{self.name} ended with {self.process.returncode}; see {self.log}")
            if time.monotonic() > deadline:
                raise ChildFailedError(f"{self.name} was not ready after {timeout_s:.0f} s; see {self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks it to stop, then makes it."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
