"""One cell of the comparison: load on one contender for a few seconds, and what it took."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.compare.load_plan import LoadPlan, LoadResult
from loadtests.compare.percentiles import percentile
from loadtests.compare.processes import cpu_by_role, spent_between

_BEGIN_IN_S = 0.1
_FINISH_S = 60.0


class LoadFailedError(Exception):
    """The load generator ended early. The message holds its last words."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one cell came to."""

    contender: str
    """Who was asked."""
    detector: str
    """Which detector ran."""
    kind: str
    """unary or stream."""
    callers: int
    """Calls under way, or items under way on all streams."""
    repeat: int
    """Counting from 1."""
    items_per_s: float
    """Answers within the time that counted."""
    p50_ms: float
    """Latency."""
    p95_ms: float
    """Latency."""
    p99_ms: float
    """Latency."""
    errors: int
    """Calls and items that failed, warm-up included."""
    thin_share: float
    """Of the answers looked into, those with something missing."""
    repeated: int
    """Items sent a second time."""
    cpu_ms_per_item: dict[str, float] = field(default_factory=dict)
    """By role, the load generator included."""
    note: str = ""
    """What sets this cell apart: tracing, ledger."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell with its raw latencies."""

    sample: Sample
    """The figures."""
    latencies_ms: Sequence[float]
    """Of every answer within the time that counted."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What to measure."""

    contender: str
    """Who is asked."""
    detector: str
    """Which detector runs."""
    repeat: int
    """Counting from 1."""
    plan: LoadPlan
    """The load."""
    note: str = ""
    """See `Sample.note`."""


def measured(cell: Cell, *, checkout: Path, processes: Sequence[int]) -> Measured:
    """Runs a cell.

    Args:
        cell: What.
        checkout: Where `loadtests` lies.
        processes: Whose CPU time counts: the contender's and the shared parts'.

    Raises:
        LoadFailedError: The load generator ended early.
    """
    plan = cell.plan
    generator = subprocess.Popen(
        [sys.executable, "-m", "loadtests.compare.load", plan.to_json()],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert generator.stdin is not None
    assert generator.stdout is not None
    try:
        if generator.stdout.readline() != "ready\n":
            raise LoadFailedError(f"the load generator ended with {generator.wait()}")
        begin = time.monotonic() + _BEGIN_IN_S
        generator.stdin.write(f"{begin}\n")
        generator.stdin.flush()
        _sleep_until(begin + plan.warm_up_s)
        before = cpu_by_role(processes)
        _sleep_until(begin + plan.warm_up_s + plan.seconds)
        spent = spent_between(before, cpu_by_role(processes))
        output, _ = generator.communicate(timeout=_FINISH_S)
        return _sample(cell, LoadResult.from_json(output), spent)
    finally:
        generator.kill()
        generator.wait()


def _sample(cell: Cell, result: LoadResult, spent: dict[str, float]) -> Measured:
    plan, items = cell.plan, len(result.latencies_ms)
    ordered = sorted(result.latencies_ms)
    spent = {**spent, "load generator": result.generator_cpu_s}
    sample = Sample(
        contender=cell.contender,
        detector=cell.detector,
        kind=plan.kind,
        callers=plan.callers * plan.window,
        repeat=cell.repeat,
        items_per_s=round(items / result.seconds, 1),
        p50_ms=percentile(ordered, 0.5),
        p95_ms=percentile(ordered, 0.95),
        p99_ms=percentile(ordered, 0.99),
        errors=sum(result.errors.values()),
        thin_share=round(result.thin / max(1, result.looked_into), 3),
        repeated=result.repeated,
        cpu_ms_per_item={role: round(seconds * 1e3 / max(1, items), 3) for role, seconds in spent.items()},
        note=cell.note,
    )
    return Measured(sample, result.latencies_ms)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
