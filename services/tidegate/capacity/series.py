"""Counts of a run, in all and over time."""

from collections.abc import Sequence

from tidegate.capacity.scenario import Outcome, Series

BINS = 600
"""Most points of a series."""


class Recorder:
    """Takes what happens, in the order in which it happens."""

    def __init__(self, end_s: float) -> None:
        """Nothing yet. A bin is a second at least."""
        self._series = Series(max(1.0, -(-end_s // BINS)))
        self._end_s = end_s
        self._arrived = self._good = self._late = self._shed = 0.0
        self._before = (0.0, 0.0, 0.0, 0.0)
        self._binned_s = self._looked_s = 0.0
        self._replicas = self._peak = self._changes = 0
        self._replica_s = 0.0

    def arrived(self, count: float) -> None:
        """So many came."""
        self._arrived += count

    def served(self, count: float = 1.0, *, late: bool) -> None:
        """So many got their answer."""
        if late:
            self._late += count
        else:
            self._good += count

    def shed(self, count: float) -> None:
        """So many got none."""
        self._shed += count

    def changed(self) -> None:
        """The autoscaler wants another number than before."""
        self._changes += 1

    def looked(self, now_s: float, *, ready: int, starting: int, ongoing: float) -> None:
        """The state at the end of a stretch of time."""
        self._replica_s += (self._replicas or ready + starting) * (now_s - self._looked_s)
        self._looked_s, self._replicas = now_s, ready + starting
        self._peak = max(self._peak, ready + starting)
        if now_s - self._binned_s + 1e-9 < self._series.bin_s and now_s < self._end_s:
            return
        counts = (self._arrived, self._good, self._late, self._shed)
        lists = (self._series.arrived, self._series.good, self._series.late, self._series.shed)
        for values, count, before in zip(lists, counts, self._before, strict=True):
            values.append(count - before)
        self._series.ready.append(ready)
        self._series.starting.append(starting)
        self._series.ongoing.append(ongoing)
        self._before, self._binned_s = counts, now_s

    def outcome(self, *, in_system: float, overdue: float, waits_s: Sequence[float] = ()) -> Outcome:
        """What came of it, at the end."""
        return Outcome(
            arrived=self._arrived,
            good=self._good,
            late=self._late,
            shed=self._shed,
            in_system=in_system,
            overdue=overdue,
            waits_s=waits_s,
            peak_replicas=self._peak,
            replica_hours=self._replica_s / 3_600,
            changes=self._changes,
            series=self._series,
        )
