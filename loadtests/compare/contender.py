"""A server that takes part in the comparison: a process with everything beneath it, started, frozen, thawed, stopped.

Only one of them runs at a time. The others are frozen (SIGSTOP to every process), since an idle Ray cluster takes a
tenth of a core and there are but two; starting each anew for every turn would take most of the quarter of an hour.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtests.compare.processes import family
from tidegate.models.runtime import bound

_POLL_S = 0.1
_STOP_S = 60.0
_WARDEN = "tidegate.serving.stack.warden"
"""Cleans up behind a stack that was killed, so it must never be frozen."""


class ContenderFailedError(Exception):
    """A server did not start, or does not answer any more. The message names its log."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a contender is started."""

    name: str
    """As in the results."""
    command: Sequence[str]
    """Program and arguments."""
    environment: Mapping[str, str]
    """All of it."""
    log: Path
    """Takes its output."""
    address: str
    """Where it serves gRPC."""
    ready: Callable[[], bool]
    """Whether it serves."""
    within_s: float = 240.0
    """How long it may take to start."""


class Contender:
    """One server. It dies with this process, even by `kill -9`."""

    def __init__(self, launch: Launch, *, parent: int) -> None:
        """Starts it; returns at once.

        Args:
            launch: How.
            parent: The process to die with: this one.
        """
        self.name, self.address = launch.name, launch.address
        self._launch = launch
        program = [launch.command[0], "-I", str(Path(bound.__file__).resolve()), str(parent)]
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        with launch.log.open("wb") as output:
            self._process = subprocess.Popen(
                [*program, *launch.command],
                env=dict(launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """Of all its processes."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Waits until it serves. Raises ContenderFailedError."""
        launch = self._launch
        deadline = time.monotonic() + launch.within_s
        while not launch.ready():
            if self._process.poll() is not None:
                raise ContenderFailedError(f"{self.name} ended with {self._process.returncode}; see {launch.log}")
            if time.monotonic() > deadline:
                raise ContenderFailedError(f"{self.name} did not serve after {launch.within_s:.0f} s; see {launch.log}")
            time.sleep(_POLL_S)

    def processes(self) -> list[int]:
        """It and everything beneath it."""
        return family([self._process.pid])

    def freeze(self) -> None:
        """Takes it off the processors until `thaw`."""
        for pid in self.processes():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if _WARDEN not in process.cmdline():
                    process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on, and waits until it serves. Raises ContenderFailedError."""
        self._continue()
        self.wait_ready()

    def stop(self) -> None:
        """Ends it, by force if it takes long."""
        self._continue()
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            for pid in self.processes():
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).kill()
            self._process.wait()

    def _continue(self) -> None:
        for pid in self.processes():
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).send_signal(signal.SIGCONT)
