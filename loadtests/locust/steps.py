"""The steps of a campaign: each depends on what the ones before have found."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from loadtests.locust.generator import MOST_CPU_SHARE
from loadtests.locust.knee import knee_of
from loadtests.locust.levels import Level
from loadtests.locust.pace import Pace
from loadtests.locust.phases import REST, WARM_UP, Phase, Plan, ramp_over, spike
from loadtests.locust.run_record import RunRecord

_CALLERS = 32
_RAMPS = 5
_LOWER, _HIGHER = 0.35, 2.5
_LEAST_PER_S = 5.0
"""A knee below it is no service's limit but a machine that has no time; quantiles of so few requests say nothing."""
_MIXED = ("--mix", "mixed", "--budget-ms", "2000")
"""Pictures are looked at and read before their words are scored: they need a longer budget."""

Named = tuple[str, RunRecord]


class KneeNotFoundError(Exception):
    """No level was carried, or all were. The message says what to do."""


class Runs(Protocol):
    """Where runs are made: `LocustRuns`."""

    def open(self, name: str, plan: Plan, *options: str) -> RunRecord:
        """An open-loop run."""
        ...

    def closed(self, name: str, plan: Plan, *options: str) -> RunRecord:
        """A closed-loop run of unary users."""
        ...


class Steps:
    """Probe, ramp, half the knee's load, the knee and twice it in turns, a spike, streams, and everything mixed."""

    def __init__(self, runs: Runs, pace: Pace, *, left_s: Callable[[], float]) -> None:
        """Takes where the runs are made, how long they are, and how much time is left for what can be left out."""
        self._runs = runs
        self._pace = pace
        self._left_s = left_s

    def run(self) -> Iterator[Named]:
        """Every run as it ends.

        Raises:
            KneeNotFoundError: The service carries next to nothing.
        """
        probe = self._runs.closed("probe", self._steady("probe", _CALLERS, self._pace.probe_s))
        yield "probe", probe
        levels: list[Level] = []
        for name, run in self._ramps(probe.levels[0].goodput_per_s):
            levels += run.levels if run.loop == "open" else ()
            yield name, run
        knee = knee_of(levels)
        if knee is None or knee.offered < _LEAST_PER_S:
            raise KneeNotFoundError(
                f"no load of {_LEAST_PER_S:g}/s or more was carried within the budget; is the service healthy, the"
                " machine busy with other things, or the budget too short? --budget-ms changes it"
            )
        if knee.offered >= max(level.offered for level in levels):
            raise KneeNotFoundError(_no_limit(knee))
        yield from self._around(knee.offered)

    def _ramps(self, throughput: float) -> Iterator[Named]:
        """A ramp around the throughput of the probe; others lower or higher as long as the knee is not within.

        A ramp that was carried whole says that the probe was disturbed: it is made again before the next.
        """
        unit, levels = max(_LEAST_PER_S, throughput), list[Level]()
        for number in range(1, _RAMPS + 1):
            name = "ramp" if number == 1 else f"ramp{number}"
            plan = self._ramp(name, unit)
            run = self._runs.open(name, plan)
            yield name, run
            levels += run.levels
            knee = knee_of(levels)
            if knee is None:
                unit *= _LOWER
                if unit * self._pace.steps[-1] < _LEAST_PER_S:
                    return
            elif knee.offered < max(level.offered for level in levels) or _overloaded(knee):
                return
            elif number < _RAMPS:
                again = f"probe{number + 1}"
                probe = self._runs.closed(again, self._steady(again, _CALLERS, self._pace.probe_s))
                yield again, probe
                unit = max(unit * _HIGHER, probe.levels[0].goodput_per_s)

    def _around(self, knee: float) -> Iterator[Named]:
        pace = self._pace
        yield "half-knee", self._runs.open("half-knee", self._steady("half-knee", knee / 2, pace.half_s))
        yield "knee-and-double", self._runs.open("knee-and-double", self._turns(knee))
        yield "spike", self._runs.open("spike", spike(1.5 * knee, pace.spike_s))
        if pace.stream_s and self._left_s() > pace.stream_s:
            plan = self._steady("half-knee-streams", knee / 2, pace.stream_s)
            yield "half-knee-streams", self._runs.open("half-knee-streams", plan, "--stream-share", "1")
        if pace.mixed_s and self._left_s() > pace.probe_s + pace.mixed_s:
            plan = self._steady("mixed-probe", _CALLERS / 2, pace.probe_s)
            probe = self._runs.closed("mixed-probe", plan, *_MIXED)
            yield "mixed-probe", probe
            half = max(1.0, probe.levels[0].goodput_per_s / 2)
            plan = self._steady("mixed", half, pace.mixed_s)
            yield "mixed", self._runs.open("mixed", plan, *_MIXED, "--burst-mean", "3")

    def _ramp(self, name: str, unit: float) -> Plan:
        pace = self._pace
        plan = ramp_over(
            [round(unit * step, 1) for step in pace.steps], step_s=pace.step_s, rest_s=pace.rest_s, name=name
        )
        return replace(plan, phases=(Phase(WARM_UP, unit * pace.steps[0], pace.warm_up_s()), *plan.phases))

    def _steady(self, name: str, level: float, duration_s: float) -> Plan:
        return Plan((Phase(WARM_UP, round(level, 1), self._pace.warm_up_s()), Phase(name, round(level, 1), duration_s)))

    def _turns(self, knee: float) -> Plan:
        rest = Phase(REST, 0, self._pace.rest_s)
        turn = (
            Phase("knee", round(knee, 1), self._pace.turn_s),
            rest,
            Phase("double-knee", round(2 * knee, 1), self._pace.turn_s),
            rest,
        )
        return Plan((Phase(WARM_UP, round(knee / 2, 1), self._pace.warm_up_s()), *turn * self._pace.turns))


def _overloaded(level: Level) -> bool:
    """Whether the generator was at its own limit."""
    return level.cpu_share > MOST_CPU_SHARE


def _no_limit(highest: Level) -> str:
    """What to do when the highest level that was offered was carried."""
    found = f"the service carries more than {highest.offered:g}/s"
    if _overloaded(highest):
        return f"{found}, but a generator process took {highest.cpu_share:.0%} of a core; use more --processes"
    return (
        f"{found}, and the probes, closed loops of {_CALLERS} callers, found so much less that no ramp reached the"
        " limit: they were disturbed, or one answer takes long; run again while nothing else runs, or offer more with"
        " loadtests/locust/open.py --shape ramp --level"
    )
