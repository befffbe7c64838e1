"""A child process of the stack: started, waited for, stopped, and never left behind."""

import ctypes
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_TIMEOUT_S = 20.0
"""How long a child may take to stop before it is killed."""


FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""Pauses before a child that ended is started again."""


class ChildFailedError(Exception):
    """A child ended or did not become ready. The message says which and where its log is."""


class Child:
    """One child process with its log."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path) -> None:
        """Starts it with its output in `log`. It dies with the calling thread's process, even by `kill -9`."""
        self.name = name
        self.log = log
        self._command = command
        self._failures = 0
        self._start_again_at = 0.0
        self.process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, no locks taken
            )

    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    def start_again(self) -> bool:
        """Starts it again if it is gone and its pause is over; the pause doubles each time. True if it was started."""
        if not self.ended():
            return False
        now = time.monotonic()
        if not self._start_again_at:
            self._start_again_at = now + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._failures)
            self._failures += 1
        if now < self._start_again_at:
            return False
        self._start_again_at = 0.0
        self.process = self._started()
        return True

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
