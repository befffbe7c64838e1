"""An open loop against a real server: a stall of the server can't hide."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from loadtests.locust.gate import BREACHED, HOLDS, UNUSABLE
from loadtests.locust.gate import main as gate
from loadtests.locust.results_folder import ResultsFolder
from loadtests.locust.run_record import RECORD
from loadtests.locust.sample import DECIDED, Sample
from tests.loadtests.locust_process import run_locust
from tests.loadtests.samples import level
from tests.loadtests.test_gate import record
from tests.serving.in_process import ListedLedger, Served, serving

pytestmark = pytest.mark.integration

STALL_S = 3.0
RATE = 15
SLOTS = 3
LIMITS = "version: 1\nthresholds:\n- {name: p99, phase: steady, measure: p99_ms, max: 2000}\n"
"""Generous, for machines that are busy with other things; the stall is longer."""
PLAN = f"warm-up:{RATE}x1,steady:{RATE}x6"
SOON = ("--budget-ms", "2000", "--deadline-ms", "8000")
PATIENT = ("--budget-ms", "2000", "--deadline-ms", "20000")


async def stall_once_busy(served: Served) -> None:
    """The whole server stands still, as one whose process swaps or collects garbage."""
    while sum(served.text.batches) < RATE:  # noqa: ASYNC110 - the stage counts, it does not tell
        await asyncio.sleep(0.02)
    time.sleep(STALL_S)  # noqa: ASYNC251 - on the server's own event loop on purpose


def slow(samples: list[Sample], *, from_intended: bool) -> int:
    """Requests that took more than a second."""
    return sum((each.from_intended_s if from_intended else each.took_s) > 1.0 for each in samples)


async def test_a_stall_is_seen_from_the_intended_start_and_closes_the_gate(tmp_path: Path) -> None:
    """All that was meant to start meanwhile has waited; timed from actual send, a few requests were slow.

    The generator has few slots, as a pool of connections would: what waits for one has not been sent.
    """
    limits = tmp_path / "limits.yaml"
    limits.write_text(LIMITS)
    async with serving() as served:
        stall = asyncio.create_task(stall_once_busy(served))
        options = ("--plan", PLAN, "--max-in-flight", str(SLOTS), "--thresholds", str(limits), *PATIENT)
        ended = await run_locust("open.py", served.address, tmp_path / "out", *options)
        await stall
    steady = [each for each in ended.samples if each.phase == 1]
    assert {each.outcome for each in steady} <= DECIDED
    assert slow(steady, from_intended=True) > RATE * (STALL_S - 1) * 0.5
    assert slow(steady, from_intended=False) <= SLOTS * 2
    [level] = ended.record.levels
    assert level.from_intended.p99_ms > 2_000
    assert ended.status == BREACHED, ended.output
    assert "BREACHED  p99" in ended.output.splitlines()[-1], "below Locust's own tables"
    [counted] = re.findall(r"^ +Aggregated +(\d+) +\d+\(", ended.output, re.MULTILINE)
    assert int(counted) == len(ended.samples), "Locust's own sum counts a request once"
    assert "from the intended start" in (ended.out / "report.html").read_text()


async def test_a_closed_loop_does_not_ask_while_the_server_stands_still(tmp_path: Path) -> None:
    """One user times one slow request: what the open loop is there for. The run lasts until the last deadline."""
    async with serving() as served:
        stall = asyncio.create_task(stall_once_busy(served))
        ended = await run_locust(
            "closed.py", served.address, tmp_path / "out", "--plan", "steady:1x8", *SOON, "UnaryUser"
        )
        await stall
    assert ended.status == HOLDS, ended.output
    assert 1 <= slow(ended.samples, from_intended=True) <= 3
    assert len(ended.samples) > RATE


async def test_processes_share_the_load_over_calls_and_streams(tmp_path: Path) -> None:
    """Without a stall the same gate is open, and no sample is lost on its way to the master."""
    limits = tmp_path / "limits.yaml"
    limits.write_text(LIMITS)
    ledger = ListedLedger()
    async with serving(ledger=ledger) as served:
        options = ("--plan", PLAN, "--stream-share", "0.5", "--processes", "2", "--thresholds", str(limits), *PATIENT)
        ended = await run_locust("open.py", served.address, tmp_path / "out", *options)
    record = ended.record
    assert (record.finished, record.processes) == (True, 2), ended.output
    assert ended.status == HOLDS, ended.output
    assert {each.protocol for each in ended.samples} == {"unary", "stream"}
    assert len(ended.samples) == len(ledger.ids)
    assert record.levels[0].arrivals == pytest.approx(RATE * 6, rel=0.4)


async def test_a_service_that_stops_is_neither_fast_nor_a_success(tmp_path: Path) -> None:
    """What is refused takes a millisecond: its latencies would hold any limit, its exit status would be 0."""

    async def stop_once_busy(served: Served) -> None:
        while sum(served.text.batches) < RATE:  # noqa: ASYNC110 - the stage counts, it does not tell
            await asyncio.sleep(0.02)
        await served.server.stop(0)

    async with serving() as served:
        stopped = asyncio.create_task(stop_once_busy(served))
        options = ("--plan", "steady:2x6", *SOON, "UnaryUser")
        ended = await run_locust("closed.py", served.address, tmp_path / "out", *options)
        await stopped
    assert ended.status == 1, ended.output
    assert "requests failed (UNAVAILABLE " in ended.output
    [level] = ended.record.levels
    assert level.error_share > 0.01
    limits = tmp_path / "limits.yaml"
    limits.write_text(LIMITS)
    assert gate([str(ended.out / RECORD), "--thresholds", str(limits)]) == BREACHED


async def test_what_can_not_be_run_as_it_was_asked_for_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """All at once: Locust takes longest to start."""
    taken = ResultsFolder(tmp_path / "taken")
    asked = {
        "burst": (("--burst-mean", "0.5"), "0.5 is not 1 or more"),
        "limits": (("--thresholds", str(tmp_path / "nope.yaml")), "nope.yaml: No such file"),
        "taken": ((), "another load test is writing its results there"),
    }
    async with serving() as served:
        runs = (run_locust("open.py", served.address, tmp_path / out, *each) for out, (each, _) in asked.items())
        for (_, said), ended in zip(asked.values(), await asyncio.gather(*runs), strict=True):
            assert ended.status == UNUSABLE, ended.output
            assert said in ended.output
            assert not ended.wrote
        assert not served.text.batches
    taken.release()


async def test_a_service_that_does_not_answer_is_named_and_is_no_result(tmp_path: Path) -> None:
    """An empty result would hold every limit on errors, and so would that of the run before.

    Both loops at once: each gives a service ten seconds.
    """
    scripts = ("open.py", "closed.py")
    for each in scripts:
        (tmp_path / each).mkdir()
        record(level()).write(tmp_path / each)
    runs = (run_locust(each, "127.0.0.1:1", tmp_path / each, "--plan", "steady:5x1") for each in scripts)
    for script, ended in zip(scripts, await asyncio.gather(*runs), strict=True):
        assert ended.status == UNUSABLE, f"{script}: {ended.output}"
        assert "127.0.0.1:1: no connection" in ended.output, script
        assert not ended.wrote, script
