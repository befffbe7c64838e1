"""The replicas of a deployment, and which of them gets an item."""

import random

from tidegate.capacity.scenario import Balancing, Scenario
from tidegate.capacity.station import Station


class Fleet:
    """Ready replicas, and those that are asked for and still start."""

    def __init__(self, scenario: Scenario) -> None:
        """All replicas of the scenario are ready."""
        self._scenario = scenario
        self._shared = scenario.balancing is Balancing.SHARED
        self._drawn = random.Random(scenario.seed)  # noqa: S311 - for repeatable choices, not for secrets
        self.stations: list[Station] = []
        """Those that take items."""
        self.draining: list[Station] = []
        """Those that finish what they have."""
        self.ready = 0
        """Replicas that answer."""
        self.starting: list[float] = []
        """When those that start will be ready, ascending."""
        self.add(scenario.replicas, now_s=0.0)

    def chosen(self) -> Station:
        """Who gets the next item."""
        stations = self.stations
        if len(stations) == 1:
            return stations[0]
        first = stations[int(self._drawn.random() * len(stations))]
        if self._scenario.balancing is Balancing.RANDOM:
            return first
        second = stations[int(self._drawn.random() * len(stations))]
        return second if second.size < first.size else first

    def add(self, count: int, *, now_s: float) -> None:
        """So many answer from now on."""
        self.ready += count
        if not self._shared:
            self.stations += [Station(self._scenario.admission) for _ in range(count)]
        elif self.stations:
            self.stations[0].servers += count
            self.stations[0].let_in(now_s)
        else:
            self.stations.append(Station(self._scenario.admission, servers=count))

    def scale(self, target: int, *, now_s: float) -> None:
        """Asks for more, or lets go: first those that still start, then the youngest, which finish their items."""
        more = target - self.ready - len(self.starting)
        if more > 0:
            self.starting += [now_s + self._scenario.start_up_s] * more
            return
        fewer = -more
        kept = max(0, len(self.starting) - fewer)
        fewer -= len(self.starting) - kept
        del self.starting[kept:]
        fewer = min(fewer, self.ready - 1)
        if fewer <= 0:
            return
        self.ready -= fewer
        if self._shared:
            self.stations[0].servers -= fewer
        else:
            self.draining += self.stations[-fewer:]
            del self.stations[-fewer:]

    def settle(self) -> int:
        """Forgets replicas that have finished; returns how many items all together hold."""
        self.draining = [each for each in self.draining if each.size]
        return sum(each.size for each in self.stations) + sum(each.size for each in self.draining)
