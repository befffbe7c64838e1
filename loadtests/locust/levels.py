"""What was measured at one level of load: samples of all phases of one name, summed up."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loadtests.locust.cpu import CpuReading
from loadtests.locust.phases import Plan
from loadtests.locust.quantile import quantile
from loadtests.locust.sample import COMPLETE, DECIDED, SHED, Sample


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, by quantile; nan where nothing was answered."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Latency":
        """Of these durations."""
        ordered = sorted(each * 1_000 for each in seconds)
        return cls(*(quantile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0)))


@dataclass(frozen=True, slots=True)
class Level:
    """One level."""

    name: str
    """Of its phases."""
    offered: float
    """Open loop: arrivals per second that were planned. Closed loop: users."""
    duration_s: float
    """Of all its phases together."""
    arrivals: int
    """Requests that were meant to start."""
    good: int
    """Complete decisions within the budget, counted from the intended start."""
    from_intended: Latency
    """Of what was decided, and of what was given up, with the time that it waited. Sheds and other errors are fast."""
    from_send: Latency
    """Of the same requests, as a closed loop would report them."""
    outcomes: Mapping[str, int]
    """Requests by outcome."""
    p99_by_kind_ms: Mapping[str, float]
    """From the intended start, by what was sent."""
    late_p99_ms: float
    """How late the generator itself was."""
    cpu_share: float
    """Of one core, of the busiest generator process, on average; nan if nothing was read."""

    @property
    def goodput_per_s(self) -> float:
        """Good answers per second."""
        return self.good / self.duration_s

    @property
    def good_share(self) -> float:
        """Of all requests that were meant to start."""
        return self.good / self.arrivals if self.arrivals else 0.0

    @property
    def sheds(self) -> int:
        """Refused with a hint when to try again."""
        return self.outcomes.get(SHED, 0)

    @property
    def errors(self) -> int:
        """Neither decided nor shed."""
        return self.arrivals - self.sheds - sum(self.outcomes.get(each, 0) for each in DECIDED)

    @property
    def error_share(self) -> float:
        """Of all requests that were meant to start."""
        return self.errors / self.arrivals if self.arrivals else 0.0


def levels_of(
    plan: Plan, samples: Iterable[Sample], cpu: Sequence[CpuReading], *, budget_ms: float
) -> tuple[Level, ...]:
    """Every measured level in the order of the plan; phases of one name are one level."""
    by_name: dict[str, list[Sample]] = {phase.name: [] for phase in plan.phases if phase.measured}
    for sample in samples:
        phase = plan.phases[sample.phase]
        if phase.measured:
            by_name[phase.name].append(sample)
    return tuple(_level(name, plan, found, cpu, budget_ms / 1_000) for name, found in by_name.items())


def _level(name: str, plan: Plan, samples: list[Sample], cpu: Sequence[CpuReading], budget_s: float) -> Level:
    spans = [(phase, start, end) for phase, start, end in plan.spans() if phase.name == name]
    timed = [sample for sample in samples if sample.timed]
    kinds = sorted({sample.kind for sample in timed})
    return Level(
        name=name,
        offered=spans[0][0].level,
        duration_s=sum(end - start for _, start, end in spans),
        arrivals=len(samples),
        good=sum(sample.outcome == COMPLETE and sample.from_intended_s <= budget_s for sample in samples),
        from_intended=Latency.of(sample.from_intended_s for sample in timed),
        from_send=Latency.of(sample.took_s for sample in timed),
        outcomes=dict(sorted(Counter(sample.outcome for sample in samples).items())),
        p99_by_kind_ms={
            kind: Latency.of(each.from_intended_s for each in timed if each.kind == kind).p99_ms for kind in kinds
        },
        late_p99_ms=quantile(sorted(sample.late_s * 1_000 for sample in samples), 0.99),
        cpu_share=_busiest(cpu, [(start, end) for _, start, end in spans]),
    )


def _busiest(cpu: Sequence[CpuReading], spans: Sequence[tuple[float, float]]) -> float:
    by_part: dict[int, list[float]] = {}
    for reading in cpu:
        if any(start <= reading.at_s < end for start, end in spans):
            by_part.setdefault(reading.part, []).append(reading.share)
    return max((sum(shares) / len(shares) for shares in by_part.values()), default=float("nan"))
