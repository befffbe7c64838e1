"""How crowded cores are, measured on a core that is made crowded, and what follows from it."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tidegate.telemetry import core_wait
from tidegate.telemetry.core_wait import CROWDED, LONGEST_REST_S, CoreWait, rest_s


def busy_share(cores: set[int], *, limit_s: float) -> float:
    """What a thread that never sleeps finds on these cores; at once when it finds them crowded."""
    found = [0.0]

    def run() -> None:
        os.sched_setaffinity(0, cores)
        wait, ends = CoreWait(), time.monotonic() + limit_s
        while time.monotonic() < ends and found[0] < CROWDED:
            found[0] = wait.share()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_a_core_that_others_want_too_is_crowded() -> None:
    core = min(os.sched_getaffinity(0))
    rival = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    rivals = [subprocess.Popen([sys.executable, "-c", rival]) for _ in range(3)]
    try:
        assert busy_share({core}, limit_s=20.0) >= CROWDED
    finally:
        for each in rivals:
            each.kill()
            each.wait()


def test_a_thread_that_sleeps_waits_for_no_core() -> None:
    found: list[float] = []

    def run() -> None:
        wait = CoreWait()
        found.append(wait.share())
        time.sleep(1.0)  # however late it is woken, it can't have waited for a tenth of this
        found.append(wait.share())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found[0] == 0.0
    assert found[1] < CROWDED


def test_where_the_kernel_does_not_say_nothing_counts_as_crowded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: list[float] = []

    def ask() -> None:  # a thread of its own: an earlier test's has the real file open
        wait = CoreWait()
        found.extend([wait.share(), wait.share()])

    for content in (None, "", "1", "a b c"):
        if content is not None:
            (tmp_path / "schedstat").write_text(content)
        monkeypatch.setattr(core_wait, "_SCHEDSTAT", tmp_path / "schedstat")
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert found == [0.0] * 8


@pytest.mark.parametrize(
    ("took_s", "waits", "size", "expected"),
    [
        (0.01, 0.0, 0, 0.0),
        (0.01, CROWDED * 0.99, 0, 0.0),
        (0.01, 0.125, 0, 0.005),
        (0.01, 0.25, 0, 0.01),
        (0.01, 1.0, 0, 0.01),
        (0.01, 1.0, 4, 0.0075),
        (0.01, 1.0, 16, 0.0),
        (0.01, 1.0, 99, 0.0),
        (9.0, 1.0, 0, LONGEST_REST_S),
    ],
)
def test_a_rest_is_as_long_as_cores_are_crowded_and_batches_small_and_bounded(
    took_s: float, waits: float, size: int, expected: float
) -> None:
    assert rest_s(took_s, waits=waits, size=size, enough=16) == pytest.approx(expected)
