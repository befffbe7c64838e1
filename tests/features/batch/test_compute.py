"""What a killed or disturbed run leaves, what readers see meanwhile, and that going on gives the same."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.features.batch.small_runs import asked, content, events_file, small_partitions, values
from tidegate.features.batch.compute import BatchBusyError, BatchWorkerDiedError, Step, compute
from tidegate.features.batch.inputs import BatchInputs
from tidegate.features.batch.run_directory import RUNS, NothingPublishedError, published
from tidegate.features.refs import ACCOUNT_ACTIVITY

_MARK = "TIDEGATE_TEST_BATCH"


@pytest.fixture(autouse=True)
def _many_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    small_partitions(monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return events_file(tmp_path / "events")


def quietly(step: Step) -> None:
    del step


def run(inputs: BatchInputs, offline: Path) -> dict[str, str]:
    return content(compute(inputs, offline, progress=quietly, processes=1))


def killed(file: Path, offline: Path, *, at: str, processes: int = 1) -> None:
    command = [sys.executable, "-m", "tests.features.batch.killed_run", str(file), str(offline), str(processes), at]
    marked = {**os.environ, _MARK: str(offline)}
    done = subprocess.run(command, cwd=Path(__file__).parents[3], check=False, timeout=120, env=marked)
    assert done.returncode == -signal.SIGKILL


def processes_of(offline: Path) -> list[psutil.Process]:
    """Those of a killed run that are still there."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_MARK) == str(offline):
                found.append(process)
    return found


def marks(offline: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (offline / RUNS).glob("*/done/*.json")}


@pytest.mark.parametrize("at", ["reading the events", "splitting by account", "1", "4"])
def test_a_run_that_was_killed_goes_on_and_gives_the_same_bytes(file: Path, tmp_path: Path, at: str) -> None:
    killed(file, tmp_path / "killed", at=at)
    finished = marks(tmp_path / "killed")
    assert len(finished) == (int(at) if at.isdigit() else 0)
    with pytest.raises(NothingPublishedError):
        published(tmp_path / "killed")
    resumed = run(asked(file), tmp_path / "killed")
    assert resumed == run(asked(file), tmp_path / "undisturbed")
    assert marks(tmp_path / "killed").items() >= finished.items()
    assert len(marks(tmp_path / "killed")) > 4


def test_readers_see_the_run_before_until_the_next_is_whole(file: Path, tmp_path: Path) -> None:
    offline = tmp_path / "offline"
    before = run(asked(file), offline)
    other = events_file(tmp_path / "other", seed=6)
    killed(other, offline, at="3")
    assert content(published(offline)) == before
    assert run(asked(other), offline) != before


def test_what_was_finished_for_other_events_is_not_taken_over(file: Path, tmp_path: Path) -> None:
    offline, other = tmp_path / "offline", events_file(tmp_path / "other", seed=6)
    killed(file, offline, at="3")
    assert run(asked(other), offline) == run(asked(other), tmp_path / "alone")
    assert len(list((offline / RUNS).iterdir())) == 1


def test_workers_end_with_a_run_that_is_killed(file: Path, tmp_path: Path) -> None:
    killed(file, tmp_path / "offline", at="1", processes=2)
    deadline = time.monotonic() + 20
    while processes_of(tmp_path / "offline"):
        assert time.monotonic() < deadline, "workers go on without the run that started them"
        time.sleep(0.05)
    run(asked(file), tmp_path / "offline")


def test_a_worker_that_is_killed_is_said_and_the_run_goes_on_when_called_again(file: Path, tmp_path: Path) -> None:
    def kill_a_worker(step: Step) -> None:
        if step.name == "computing" and step.done == 1:
            for worker in psutil.Process().children():
                if "spawn_main" in " ".join(worker.cmdline()):
                    os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(BatchWorkerDiedError, match="run again"):
        compute(asked(file), tmp_path / "offline", progress=kill_a_worker, processes=2)
    assert run(asked(file), tmp_path / "offline") == run(asked(file), tmp_path / "undisturbed")


def test_two_runs_in_one_folder_are_refused(file: Path, tmp_path: Path) -> None:
    def begin_another(step: Step) -> None:
        if step.name == "computing" and step.done == 1:
            with pytest.raises(BatchBusyError):
                run(asked(file), tmp_path / "offline")

    compute(asked(file), tmp_path / "offline", progress=begin_another, processes=1)


def test_however_many_processes_the_rows_are_the_same(file: Path, tmp_path: Path) -> None:
    two = compute(asked(file), tmp_path / "two", progress=quietly, processes=2)
    assert content(two) == run(asked(file), tmp_path / "one")
    assert len(values(two, ACCOUNT_ACTIVITY)) == 120
    assert two.events == asked(file).events() - 100


def test_asked_the_same_again_the_published_run_is_the_answer(file: Path, tmp_path: Path) -> None:
    first = compute(asked(file), tmp_path / "offline", progress=quietly, processes=1)
    steps: list[Step] = []
    again = compute(asked(file), tmp_path / "offline", progress=steps.append, processes=1)
    assert again == first
    assert {step.name for step in steps} == {"reading the events"}
