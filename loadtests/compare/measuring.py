"""One cell of the comparison: load on one contender for a few seconds, and what it took."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtests.compare.generator import Generator
from loadtests.compare.load_plan import LoadPlan, LoadResult, Shape
from loadtests.compare.percentiles import percentile
from loadtests.compare.processes import busy_seconds, cpu_by_role, spent_between

GENERATOR = "load generator"
_BEGIN_IN_S = 0.1


@dataclass(frozen=True, slots=True)
class Cell:
    """What to measure."""

    contender: str
    """Who is asked."""
    detector: str
    """Which detector runs."""
    shape: Shape
    """The load."""
    note: str = ""
    """What sets the cell apart from others like it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one cell came to."""

    contender: str
    """Who was asked."""
    detector: str
    """Which detector ran."""
    kind: str
    """unary or stream."""
    in_flight: int
    """Items under way."""
    note: str
    """See `Cell.note`."""
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
    others_cores: float
    """Cores that programs took which have nothing to do with the comparison."""
    cpu_ms_per_item: dict[str, float] = field(default_factory=dict)
    """By role, the load generator included."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A cell with its raw latencies."""

    sample: Sample
    """The figures."""
    latencies_ms: Sequence[float]
    """Of every answer within the time that counted."""


def measured(cell: Cell, plan: LoadPlan, *, repeat: int, generator: Generator, processes: Sequence[int]) -> Measured:
    """Runs a cell.

    Args:
        cell: What.
        plan: The load.
        repeat: Counting from 1.
        generator: Loads.
        processes: Whose CPU time counts: the contender's and the shared parts'.

    Raises:
        GeneratorFailedError: The load generator ended early.
    """
    generator.prepare(plan.to_json())
    begin = time.monotonic() + _BEGIN_IN_S
    generator.begin(begin)
    _sleep_until(begin + plan.warm_up_s)
    before, busy = cpu_by_role(processes), busy_seconds()
    _sleep_until(begin + plan.warm_up_s + plan.seconds)
    spent, busy = spent_between(before, cpu_by_role(processes)), busy_seconds() - busy
    result = LoadResult.from_json(generator.result())
    spent[GENERATOR] = result.generator_cpu_s
    others = max(0.0, busy - sum(spent.values())) / plan.seconds
    return Measured(_sample(cell, plan, result, spent, repeat=repeat, others=others), result.latencies_ms)


def _sample(
    cell: Cell, plan: LoadPlan, result: LoadResult, spent: dict[str, float], *, repeat: int, others: float
) -> Sample:
    ordered = sorted(result.latencies_ms)
    items = max(1, len(ordered))
    return Sample(
        contender=cell.contender,
        detector=cell.detector,
        kind=cell.shape.kind,
        in_flight=cell.shape.in_flight,
        note=cell.note,
        repeat=repeat,
        items_per_s=round(len(ordered) / plan.seconds, 1),
        p50_ms=percentile(ordered, 0.5),
        p95_ms=percentile(ordered, 0.95),
        p99_ms=percentile(ordered, 0.99),
        errors=sum(result.errors.values()),
        thin_share=round(result.thin / max(1, result.looked_into), 3),
        repeated=result.repeated,
        others_cores=round(others, 2),
        cpu_ms_per_item={role: round(seconds * 1e3 / items, 3) for role, seconds in spent.items()},
    )


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
