"""Parts of `make test`: commands, in the foreground or one after the other behind it, with what they took.

`everything.py` says which there are, `summary.py` what is told of them at the end.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from tests.groups import TESTS

ROOT = TESTS.parent
LOGS = ROOT / "build/tests"

NOTHING_TO_RUN = 5
"""pytest's status where no test was chosen."""


@dataclass(frozen=True, slots=True)
class Part:
    """One command."""

    name: str
    command: tuple[str, ...]
    again: str
    """What a person types to run it by itself."""
    priority: int = 0
    """As `nice` counts, on top of what this process has; with more, others come first."""
    cache: Path | None = None
    """Where pytest notes which tests failed."""
    may_be_empty: bool = False
    """Tests were chosen, so it may be that none of them are here."""

    @property
    def log(self) -> Path:
        """What it prints, if it runs behind others."""
        return LOGS / f"{self.name}.log"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a part."""

    part: Part
    status: int
    """As the command left it; minus the signal's number if it was killed."""
    wall_s: float
    cpu_s: float
    """Of the command, and of all processes that it and its children waited for."""
    shown: bool = True
    """Whether its output was seen as it came."""

    @property
    def failed(self) -> bool:
        """Whether `make test` is red for it."""
        return self.status != 0 and not (self.status == NOTHING_TO_RUN and self.part.may_be_empty)


def run(part: Part) -> Ended:
    """Runs a part in the foreground. Broken off, it waits for the part to stop what that has started."""
    started = time.monotonic()
    print(f"== {part.name}", flush=True)
    process = _start(part)
    try:
        ended = _wait(part, process, started, shown=True)
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):  # of which it was told, too
            process.send_signal(signal.SIGINT)
        _wait(part, process, started, shown=True)
        raise
    print(f"== {part.name}: {ended.wall_s:.0f} s", flush=True)
    return ended


class Behind:
    """Runs parts one after the other while others run; what they print goes into their logs. Stops them when left."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Starts with the first when it is entered."""
        self._parts = parts
        self._ended: list[Ended] = []
        self._stopped = False
        self._broken: Exception | None = None
        self._now: subprocess.Popen[bytes] | None = None
        self._change = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="behind")

    def __enter__(self) -> Self:
        """Starts."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stops what runs, and starts no more."""
        with self._change:
            self._stopped = True
            if self._now is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._now.pid, signal.SIGTERM)
        self._thread.join()

    def wait(self) -> list[Ended]:
        """Waits for all of them. Raises what kept one from being run."""
        self._thread.join()
        if self._broken is not None:
            raise self._broken
        return self._ended

    def _run(self) -> None:
        try:
            self._run_all()
        except Exception as error:  # noqa: BLE001 - told by `wait`: what was not run has not passed
            self._broken = error

    def _run_all(self) -> None:
        for part in self._parts:
            started = time.monotonic()
            part.log.parent.mkdir(parents=True, exist_ok=True)
            with part.log.open("wb") as log:
                with self._change:
                    if self._stopped:
                        return
                    self._now = _start(part, log)
                ended = _wait(part, self._now, started, shown=False)
                with self._change:
                    self._now = None
            self._ended.append(ended)


def _start(part: Part, log: IO[bytes] | None = None) -> "subprocess.Popen[bytes]":
    if part.cache is not None:
        shutil.rmtree(part.cache, ignore_errors=True)
    process = subprocess.Popen(
        part.command,
        cwd=ROOT,
        # The same order in all processes: some tests are made of sets, whose order follows the seed.
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=None if log is None else subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=log is not None,
    )
    if part.priority:
        _give_way(process.pid, part.priority)
    return process


def _give_way(session: int, priority: int) -> None:
    with contextlib.suppress(OSError):  # it may have ended
        os.setpriority(os.PRIO_PGRP, session, os.nice(0) + priority)
    with contextlib.suppress(OSError):  # where the kernel shares cores between sessions, `nice` counts only within one
        Path(f"/proc/{session}/autogroup").write_text(str(priority))


def _wait(part: Part, process: "subprocess.Popen[bytes]", started: float, *, shown: bool) -> Ended:
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(part, process.returncode, time.monotonic() - started, used.ru_utime + used.ru_stime, shown)
