"""One Locust run as a process of its own, with its progress passed on."""

import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtests.locust.phases import Plan
from loadtests.locust.run_record import NOTHING_MEASURED, RECORD, RunRecord

_HERE = Path(__file__).parent
_PASSED_ON = "loadtests.locust.progress: "
_LOG = "locust.log"
_SLACK_S = 120.0
"""A run's time beyond its plan: starting, connecting, the last answers."""


class LocustError(Exception):
    """A run left no results. The message names its log."""


@dataclass(frozen=True, slots=True)
class LocustRuns:
    """Runs against one service, each with results in a folder of its own, and items of its own.

    Were they the same ones, all but the first run would ask for texts whose scores are kept.
    """

    host: str
    """host:port."""
    folder: Path
    """Where the folders are made."""
    options: tuple[str, ...]
    """For every run."""

    def open(self, name: str, plan: Plan, *options: str) -> RunRecord:
        """An open-loop run."""
        return self._run(name, ["-f", str(_HERE / "open.py")], plan, options)

    def closed(self, name: str, plan: Plan, *options: str) -> RunRecord:
        """A closed-loop run of unary users."""
        return self._run(name, ["-f", str(_HERE / "closed.py"), "UnaryUser"], plan, options)

    def _run(self, name: str, what: list[str], plan: Plan, options: tuple[str, ...]) -> RunRecord:
        out = self.folder / name
        out.mkdir(parents=True, exist_ok=True)
        (out / RECORD).unlink(missing_ok=True)
        sys.stdout.write(f"{name}: {plan.duration_s:.0f} s\n")
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--host", self.host]
        command += [*what, "--plan", plan.written(), "--out", str(out), "--html", str(out / "locust.html")]
        command += ["--seed", str(seed_of(name))]
        log = out / _LOG
        with log.open("w") as kept:
            self._watch([*command, *self.options, *options], kept.write, limit_s=plan.duration_s + _SLACK_S)
        if not (out / RECORD).exists():
            raise LocustError(f"{name}{_reason(log)}; its log is {log}")
        return RunRecord.read(out / RECORD)

    @staticmethod
    def _watch(command: list[str], keep: Callable[[str], object], *, limit_s: float) -> None:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            timer = threading.Timer(limit_s, process.kill)
            timer.start()
            try:
                for line in process.stdout or ():
                    keep(line)
                    if _PASSED_ON in line:
                        sys.stdout.write(f"  {line.split(_PASSED_ON)[1]}")
                        sys.stdout.flush()
            finally:
                timer.cancel()
                process.terminate()


def seed_of(name: str) -> int:
    """Of a run's items, the same whenever that run is made."""
    return zlib.crc32(name.encode())


def clear_runs(folder: Path) -> None:
    """Removes the folders of earlier runs below this one, and nothing that is not theirs."""
    for log in folder.glob(f"*/{_LOG}"):
        shutil.rmtree(log.parent)


def _reason(log: Path) -> str:
    """What the run itself said of why it has no results."""
    said = [line for line in log.read_text().splitlines() if line.startswith(NOTHING_MEASURED)]
    return f": {said[-1]}" if said else " left no results"
