"""Every single item: arrivals, admission, queues, work, and the autoscaler beside them. Read this first of the two.

Exact, and slow: what can't be played item by item is `fluid_simulation`'s. Tests hold it to queueing theory's closed
forms. No library: see the README.
"""

import heapq
from collections.abc import Iterator

import numpy as np

from tidegate.capacity.arrivals import RateTrace
from tidegate.capacity.autoscaling import Autoscaler
from tidegate.capacity.fleet import Fleet
from tidegate.capacity.metrics import Lens, Sample
from tidegate.capacity.scenario import Outcome, Scenario
from tidegate.capacity.series import Recorder
from tidegate.capacity.station import Item, Station

_BLOCK = 65_536
_CONSTANT = 1e-6
"""Variation below which work is constant: the gamma distribution's shape, 1 / variation², has no number for less."""
SAMPLE_S = 1.0
"""How often the deployment is looked at."""


def simulate_events(trace: RateTrace, scenario: Scenario, scaler: Autoscaler) -> Outcome:
    """Plays a trace through a deployment, item by item."""
    arrivals = trace.drawn(np.random.default_rng([scenario.seed, 1]))
    run = _Run(trace, scenario, scaler)
    return run.played(arrivals.tolist())


class _Run:
    def __init__(self, trace: RateTrace, scenario: Scenario, scaler: Autoscaler) -> None:
        self._trace, self._scenario, self._scaler = trace, scenario, scaler
        self._fleet, self._lens, self._recorder = Fleet(scenario), Lens(scaler), Recorder(trace.end_s)
        self._work = _work_times(scenario)
        self._done: list[tuple[float, int, Item, Station]] = []
        """Heap of finished work: when, order, what, where."""
        self._order = 0
        self._waits: list[float] = []
        self._waited_s = self._worked_s = 0.0
        self._decided_s = 0.0

    def played(self, arrivals: list[float]) -> Outcome:
        """From the first item to the end of the trace."""
        count, place, end_s = len(arrivals), 0, self._trace.end_s
        done, recorder = self._done, self._recorder
        look_s = SAMPLE_S
        while True:
            arrival_s = arrivals[place] if place < count else end_s
            finished_s = done[0][0] if done else end_s
            now_s = min(arrival_s, finished_s, look_s)
            if now_s >= end_s:
                break
            if now_s == look_s:
                self._look(now_s)
                look_s += SAMPLE_S
            elif finished_s <= arrival_s:
                _, _, item, station = heapq.heappop(done)
                recorder.served(late=now_s - item.arrived_s > self._scenario.admission.budget_s)
                station.leave(now_s, item)
                self._start_all(station, now_s)
            else:
                place += 1
                recorder.arrived(1)
                station = self._fleet.chosen()
                if station.arrive(now_s):
                    self._begin(station, Item(now_s, now_s), now_s)
        self._look(end_s)
        return recorder.outcome(in_system=self._fleet.settle(), overdue=self._overdue(end_s), waits_s=self._waits)

    def _overdue(self, end_s: float) -> int:
        """Items that are still there though their budget has passed."""
        came = [item.arrived_s for _, _, item, _ in self._done]
        for station in (*self._fleet.stations, *self._fleet.draining):
            came += [item.arrived_s for item in station.entered]
            came += [item.arrived_s for item in station.waiting]
        return sum(end_s - each > self._scenario.admission.budget_s for each in came)

    def _start_all(self, station: Station, now_s: float) -> None:
        while (item := station.start()) is not None:
            self._begin(station, item, now_s)

    def _begin(self, station: Station, item: Item, now_s: float) -> None:
        work_s = next(self._work)
        self._waits.append(now_s - item.arrived_s)
        self._waited_s += now_s - item.arrived_s
        self._worked_s += work_s
        self._order += 1
        heapq.heappush(self._done, (now_s + work_s, self._order, item, station))

    def _look(self, now_s: float) -> None:
        fleet = self._fleet
        self._count_shed()
        due = [each for each in fleet.starting if each <= now_s]
        if due:
            del fleet.starting[: len(due)]
            fleet.add(len(due), now_s=now_s)
            for station in fleet.stations:
                self._start_all(station, now_s)
        ongoing = float(fleet.settle())
        busy = float(sum(each.in_service for each in fleet.stations))
        self._lens.add(Sample(now_s, ongoing, busy, self._waited_s, self._worked_s))
        self._waited_s = self._worked_s = 0.0
        if self._lens.looked and now_s - self._decided_s + 1e-6 >= self._scaler.interval_s:
            self._decided_s = now_s
            seen = self._lens.seen(now_s, ready=fleet.ready, starting=len(fleet.starting))
            target = self._scaler.decide(seen)
            if target != fleet.ready + len(fleet.starting):
                self._recorder.changed()
                fleet.scale(target, now_s=now_s)
        self._recorder.looked(now_s, ready=fleet.ready, starting=len(fleet.starting), ongoing=ongoing)

    def _count_shed(self) -> None:
        everyone = (*self._fleet.stations, *self._fleet.draining)
        for station in everyone:
            if station.shed:
                self._recorder.shed(station.shed)
                station.shed = 0


def _work_times(scenario: Scenario) -> Iterator[float]:
    """Endless; gamma distributed, so that mean and variation are what the scenario says."""
    rng = np.random.default_rng([scenario.seed, 2])
    if scenario.variation < _CONSTANT:
        while True:
            yield scenario.service_s
    shape = 1 / scenario.variation**2
    while True:
        yield from rng.gamma(shape, scenario.service_s / shape, _BLOCK).tolist()
