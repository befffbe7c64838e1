"""Items as a fluid: for fleets whose every item can't be played, second by second.

Arrivals are still drawn (Poisson, per step), and the queue is first come, first served, in cohorts. The queueing that
chance makes below saturation is no fluid's: autoscalers are shown what closed forms say of it (`queueing.queued_mean`),
and no item is late for it. Tests hold this to the simulation of every item where both can be run.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from tidegate.capacity.arrivals import RateTrace
from tidegate.capacity.autoscaling import Autoscaler
from tidegate.capacity.metrics import Lens, Sample
from tidegate.capacity.queueing import queued_mean
from tidegate.capacity.scenario import Outcome, Scenario
from tidegate.capacity.series import Recorder
from tidegate.serving.places import LEAST, WAIT_SHARE, WORK_SHARE

STEP_S = 0.25
"""A step; a quarter of the usual budget, and of what autoscalers can tell apart."""
_FULL = 0.95
"""Load from which a step counts as saturated: beyond it the fluid's own queue tells more than a steady state would."""
_MEMORY_S = 10.0
"""Seconds that the load is smoothed over: a step's own is noise, and what follows from it is convex."""
_TINY = 1e-6
"""Of an item: what is left of a cohort by rounding."""


@dataclass(slots=True)
class _Cohort:
    """What came within one step, evenly."""

    from_s: float
    width_s: float
    size: float
    left: float

    def came_s(self, part: float = 0.0) -> float:
        """When the middle of the next `part` of it came; of all that is left, without one."""
        return self.from_s + self.width_s * (1 - (self.left - (part or self.left) / 2) / self.size)


def simulate_fluid(trace: RateTrace, scenario: Scenario, scaler: Autoscaler) -> Outcome:
    """Plays a trace through a deployment, step by step."""
    run = _Run(trace, scenario, scaler)
    edges = np.append(np.arange(0.0, trace.end_s, STEP_S), trace.end_s)
    middles = (edges[:-1] + edges[1:]) / 2
    rates = np.asarray(trace.rates)[np.searchsorted(trace.starts_s, middles, side="right") - 1]
    counts = np.random.default_rng([scenario.seed, 1]).poisson(rates * np.diff(edges))
    for end_s, width_s, count in zip(edges[1:].tolist(), np.diff(edges).tolist(), counts.tolist(), strict=True):
        run.step(end_s, width_s, float(count))
    return run.outcome(trace.end_s)


class _Run:
    def __init__(self, trace: RateTrace, scenario: Scenario, scaler: Autoscaler) -> None:
        self._scenario, self._scaler = scenario, scaler
        self._lens, self._recorder = Lens(scaler), Recorder(trace.end_s)
        self._queue: deque[_Cohort] = deque()
        self._queued = 0.0
        self._ready = scenario.replicas
        self._starting: list[float] = []
        self._decided_s = 0.0
        self._load = min(1.0, trace.rates[0] * scenario.service_s / scenario.replicas)

    def step(self, now_s: float, width_s: float, count: float) -> None:
        """The step that ends now."""
        can = self._ready * width_s / self._scenario.service_s
        most = self._most_queued() + can
        taken = min(count, max(0.0, most - self._queued))
        self._recorder.arrived(count)
        self._recorder.shed(count - taken)
        if taken:
            self._queue.append(_Cohort(now_s - width_s, width_s, taken, taken))
            self._queued += taken
        served = self._serve(now_s, width_s, can)
        self._look(now_s, busy=served * self._scenario.service_s / width_s)

    def outcome(self, end_s: float) -> Outcome:
        """What came of it."""
        budget_s = self._scenario.admission.budget_s
        there = max(0.0, self._queued)
        overdue = sum(each.left for each in self._queue if end_s - each.came_s() > budget_s)
        return self._recorder.outcome(in_system=there, overdue=min(there, max(0.0, overdue)))

    def _most_queued(self) -> float:
        """Items that may wait for a core: those in places, and those that will have one soon enough."""
        rules = self._scenario.admission
        if rules.under_way is None:
            return float("inf")
        service_s = self._scenario.service_s
        # As many places as they come to be (`serving.places`), and at once: every item played shows them on their way.
        places = min(rules.under_way, max(LEAST, WORK_SHARE * rules.budget_s / service_s))
        allowed_s = max(0.0, min(WAIT_SHARE * rules.budget_s, rules.budget_s - places * service_s))
        return self._ready * (places + min(rules.waiting, allowed_s / service_s))

    def _serve(self, now_s: float, width_s: float, can: float) -> float:
        served, budget_s = 0.0, self._scenario.admission.budget_s
        while self._queue and served < can:
            cohort = self._queue[0]
            part = min(cohort.left, can - served)
            begun_s = now_s - width_s + width_s * (served + part / 2) / can
            took_s = max(0.0, begun_s - cohort.came_s(part)) + self._scenario.service_s
            self._recorder.served(part, late=took_s > budget_s)
            served += part
            cohort.left -= part
            self._queued -= part
            if cohort.left <= _TINY and served < can:
                self._recorder.served(cohort.left, late=took_s > budget_s)
                self._queued -= cohort.left
                self._queue.popleft()
        return served

    def _look(self, now_s: float, *, busy: float) -> None:
        while self._starting and self._starting[0] <= now_s:
            self._starting.pop(0)
            self._ready += 1
        self._load += min(1.0, STEP_S / _MEMORY_S) * (busy / self._ready - self._load)
        waiting = max(self._queued, self._by_chance())
        ongoing = waiting + busy
        # Little: items that wait ÷ items that are worked on is time waited ÷ time worked on.
        self._lens.add(Sample(now_s, ongoing, busy, waiting, busy))
        if self._lens.looked and now_s - self._decided_s + 1e-6 >= self._scaler.interval_s:
            self._decided_s = now_s
            seen = self._lens.seen(now_s, ready=self._ready, starting=len(self._starting))
            self._scale(self._scaler.decide(seen), now_s)
        self._recorder.looked(now_s, ready=self._ready, starting=len(self._starting), ongoing=ongoing)

    def _by_chance(self) -> float:
        scenario = self._scenario
        return queued_mean(scenario.balancing, self._ready, min(self._load, _FULL), scenario.variation)

    def _scale(self, target: int, now_s: float) -> None:
        more = target - self._ready - len(self._starting)
        if not more:
            return
        self._recorder.changed()
        if more > 0:
            self._starting += [now_s + self._scenario.start_up_s] * more
            return
        kept = max(0, len(self._starting) + more)
        left = more + len(self._starting) - kept
        del self._starting[kept:]
        self._ready = max(1, self._ready + left)
