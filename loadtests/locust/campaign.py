"""`make load`: finds the knee of a stack, loads it with half and with twice as much, and judges the results.

python -m loadtests.locust.campaign [--quick] [--host HOST:PORT] [--thresholds FILE] [--out build/bench]

Starts a stack of its own unless a host is named. Writes `load.json` (rows of measure, value, unit, target, holds),
`load.html`, and the raw samples of each run in `load/`; what an earlier campaign left there is removed. Exits with 1 if
a threshold is breached, 2 if there was nothing to judge: the page then has what was measured until then, and says why.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from loadtests.locust import option_kinds as kinds
from loadtests.locust.embedded_stack import StackError, running_stack
from loadtests.locust.gate import BREACHED, HOLDS, UNUSABLE, Verdict, judge
from loadtests.locust.knee import doubt
from loadtests.locust.level_table import table_of
from loadtests.locust.locust_run import LocustError, LocustRuns, clear_runs
from loadtests.locust.pace import FULL, QUICK
from loadtests.locust.report import page_of
from loadtests.locust.results_folder import ResultsFolder, ResultsFolderError
from loadtests.locust.run_record import SAMPLES, RunRecord, read_samples
from loadtests.locust.steps import KneeNotFoundError, Steps
from loadtests.locust.thresholds import Thresholds, ThresholdsError, read_thresholds

_CHECKOUT = Path(__file__).parents[2]
_LONGEST_S = 600.0
"""After it, streams and the mix are left out: a busy machine needs more than one ramp, and nobody wants to wait."""
_PAGE, _ROWS = "load.html", "load.json"
_DRAWN_BY_SECOND = frozenset({"knee-and-double", "spike"})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.locust.campaign",
        description="Finds the knee, loads half and twice as much, judges the results.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="about three minutes instead of eight to ten, without streams and the mix"
    )
    parser.add_argument("--host", help="host:port of a running service; without it a stack is started and stopped")
    parser.add_argument("--tidegate", type=Path, default=_CHECKOUT / ".venv/bin/tidegate", help="the command")
    parser.add_argument(
        "--thresholds", type=Path, default=_CHECKOUT / "loadtests/thresholds.yaml", help="what must hold"
    )
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    parser.add_argument("--budget-ms", type=kinds.positive, default=500.0, help="time budget of a request")
    parser.add_argument(
        "--processes", type=kinds.count, default=1, help="generator processes; 1 leaves a small machine free"
    )
    parsed = parser.parse_args(arguments)
    sys.stdout.write(_busy())
    try:
        thresholds = read_thresholds(parsed.thresholds)
        with ResultsFolder(parsed.out / "load") as folder:
            return _campaign(parsed, thresholds, folder.path)
    except (ThresholdsError, ResultsFolderError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE


def _campaign(parsed: argparse.Namespace, thresholds: Thresholds, folder: Path) -> int:
    """All of it, in a folder that is nobody else's; returns the exit status."""
    began = time.monotonic()
    measured: dict[str, RunRecord] = {}
    _clear(parsed.out, folder)
    try:
        with _service(parsed.host, parsed.tidegate, folder / "state") as host:
            options = ("--budget-ms", f"{parsed.budget_ms:g}", *_processes(parsed.processes))
            runs, pace = LocustRuns(host, folder, options), QUICK if parsed.quick else FULL
            for name, run in Steps(runs, pace, left_s=lambda: _LONGEST_S - (time.monotonic() - began)).run():
                measured[name] = run
                sys.stdout.write(table_of(run))
                sys.stdout.flush()
    except (StackError, LocustError, KneeNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return _unusable(measured, str(error), parsed.out)
    verdicts = _written(measured, thresholds, parsed.out)
    sys.stdout.write(f"{parsed.out / _PAGE}, {parsed.out / _ROWS}; {time.monotonic() - began:.0f} s\n")
    whole = all(run.finished for run in measured.values())
    return HOLDS if whole and all(verdict.holds for verdict in verdicts) else BREACHED


def _busy() -> str:
    """A warning if the machine has other things to do; empty if not."""
    waiting, cores = os.getloadavg()[0], os.cpu_count() or 1
    if waiting < cores / 2:
        return ""
    return f"warning: this machine is busy with other things (load average {waiting:.1f} on {cores} cores)\n"


def _processes(count: int) -> tuple[str, ...]:
    """Locust's option; one process needs no master."""
    return ("--processes", str(count)) if count > 1 else ()


@contextlib.contextmanager
def _service(host: str | None, tidegate: Path, state: Path) -> Iterator[str]:
    if host is not None:
        yield host
        return
    sys.stdout.write("starting a stack\n")
    sys.stdout.flush()
    with running_stack(tidegate, state=state) as address:
        yield address


def _clear(out: Path, folder: Path) -> None:
    """Nothing of an earlier campaign stays: whoever judges the folder would mix it with this one."""
    for name in (_PAGE, _ROWS):
        (out / name).unlink(missing_ok=True)
    clear_runs(folder)


def _unusable(runs: dict[str, RunRecord], problem: str, out: Path) -> int:
    """What was measured until then is shown; there is nothing to judge."""
    if runs:
        _show(runs, (), out, cautions=(f"Not the whole campaign: {problem}",))
        sys.stderr.write(f"what was measured until then: {out / _PAGE}\n")
    return UNUSABLE


def _written(runs: dict[str, RunRecord], thresholds: Thresholds, out: Path) -> tuple[Verdict, ...]:
    levels = [level for run in runs.values() for level in run.levels]
    verdicts = judge(thresholds, levels)
    cautions = [doubtful] if (doubtful := doubt(levels)) else []
    sys.stdout.write("".join(f"warning: {each}\n" for each in cautions))
    for verdict in verdicts:
        sys.stdout.write(verdict.said() + "\n")
    (out / _ROWS).write_text(json.dumps([asdict(each) for each in verdicts], indent=1, ensure_ascii=False) + "\n")
    _show(runs, verdicts, out, cautions=cautions)
    return verdicts


def _show(runs: dict[str, RunRecord], verdicts: Sequence[Verdict], out: Path, *, cautions: Sequence[str]) -> None:
    samples = {
        number: list(read_samples(out / "load" / name / SAMPLES))
        for number, name in enumerate(runs)
        if name in _DRAWN_BY_SECOND
    }
    (out / _PAGE).write_text(page_of(list(runs.values()), verdicts, samples=samples, cautions=cautions))


if __name__ == "__main__":
    sys.exit(main())
