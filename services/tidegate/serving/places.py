"""How many requests a router works on at a time, and how long one may wait to be among them. No clock, no queue.

More places than the machines behind can use make nothing faster and everything later: by Little's law, work takes
places ÷ throughput. So where callers wait and their work takes too much of their budgets, there are fewer places, as
long as that costs no throughput; where work is quick, there are more, one at a time (additive increase, multiplicative
decrease, as TCP's congestion avoidance, RFC 5681). Whether a cut costs throughput is looked at after each: when a
detector hangs, requests take their whole budget whatever their number, and fewer places would only refuse more.

`serving.admission` asks for real, `capacity.station` in simulations.
"""

from dataclasses import dataclass
from typing import Final

WAIT_SHARE: Final = 0.5
"""Most of a request's budget that it may wait, however quick the work is."""
WORK_SHARE: Final = 0.4
"""Share of budgets that work takes at most, in the mean, before there are fewer places. What is left is for waiting,
and for the slowest: at this mean, a tail of twice it is still in time."""
CUT: Final = 0.75
"""Factor of the mildest decrease: enough that what it costs shows above the noise of a rate."""
DEEPEST_CUT: Final = 0.5
"""Factor of the deepest. Between them it is what brings work to its share, by Little's law."""
GENERATIONS: Final = 2
"""Length of a window, in requests per place: answers come in batches, and a rate over few of them tells little."""
SHORTEST_WINDOW: Final = 32
"""Requests."""
LEAST: Final = 4
"""Places that are never cut."""
HOLD_S: Final = 20.0
"""After a cut that cost throughput and was undone: no other for so long."""
SMOOTHING: Final = 0.05
"""Weight of the newest interval between two places that become free, and of the newest work's time."""
_DEVIATIONS: Final = 2.0
"""Mean deviations that are added to the mean time of work to foresee it (95 of 100, were it normally distributed).
RFC 6298, which foresees round trips so, adds four: a false alarm costs it more."""


@dataclass(slots=True)
class _Window:
    """What happened since places were last thought about."""

    began_s: float
    skipped: int = 0
    """Requests still to leave before it begins: those that were under way at a cut."""
    finished: int = 0
    pressed: int = 0
    """Of these, how many left more places taken than a cut would leave."""
    work_s: float = 0.0
    budget_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Trial:
    places: int
    """Before the cut."""
    rate: float
    """Requests a second then."""


class Places:
    """The number of places, from what finished requests tell."""

    def __init__(self, most: int) -> None:
        """All of `most` are there until work proves slow."""
        self.most: Final = most
        self.count = most
        """Places there are."""
        self._least = min(LEAST, most)
        self._interval_s = 0.0
        self._freed_at_s: float | None = None
        self._mean_s = 0.0
        self._deviation_s = 0.0
        self._window: _Window | None = None
        self._trial: _Trial | None = None
        self._held_until_s = float("-inf")

    def wait_s(self, ahead: int) -> float:
        """Seconds after which the next to come gets a place, with `ahead` waiting before it."""
        return (ahead + 1) * self._interval_s

    def allowed_s(self, left_s: float) -> float:
        """Seconds that a request with `left_s` of its budget left may wait for a place and still be answered in time.

        Zero if it should not wait at all.
        """
        work_s = self._mean_s + _DEVIATIONS * self._deviation_s
        return max(0.0, min(left_s * WAIT_SHARE, left_s - work_s))

    def worked(self, work_s: float, budget_s: float, *, done: bool = True) -> None:
        """A unary call left its place.

        Args:
            work_s: Seconds for which it had one.
            budget_s: What it had left of its budget when it came.
            done: It was answered. If its caller gave up instead, that tells only that work takes longer than this.
        """
        if not done and work_s < self._mean_s:
            return
        if self._mean_s:
            self._deviation_s += SMOOTHING * (abs(work_s - self._mean_s) - self._deviation_s)
            self._mean_s += SMOOTHING * (work_s - self._mean_s)
        else:
            self._mean_s, self._deviation_s = work_s, 0.0
        if self._window is not None and not self._window.skipped:
            self._window.work_s += work_s
            self._window.budget_s += budget_s

    def freed(self, now_s: float, *, under_way: int, waiting: int) -> None:
        """A place became free, of a unary call (see `worked`, which comes before) or an item of a stream.

        Args:
            now_s: Monotonic seconds.
            under_way: Requests that had a place just before.
            waiting: Requests that wait for it now. If none does, the next interval would be one of idleness.
        """
        if self._freed_at_s is not None:
            self._interval_s += SMOOTHING * (now_s - self._freed_at_s - self._interval_s)
        self._freed_at_s = now_s if waiting else None
        self._count(now_s, pressed=under_way > CUT * self.count)

    def _count(self, now_s: float, *, pressed: bool) -> None:
        window = self._window
        if window is None:
            self._window = _Window(now_s)
            return
        if window.skipped:
            window.skipped -= 1
            window.began_s = now_s
            return
        window.finished += 1
        window.pressed += pressed
        if window.finished < max(SHORTEST_WINDOW, GENERATIONS * self.count):
            return
        self._window = _Window(now_s)
        if 2 * window.pressed >= window.finished:
            self._decide(window, now_s)
        else:
            self._trial = None

    def _decide(self, window: _Window, now_s: float) -> None:
        rate = window.finished / max(now_s - window.began_s, 1e-9)
        trial, self._trial = self._trial, None
        if trial is not None and rate < trial.rate * (1 + self.count / trial.places) / 2:
            self.count = trial.places
            self._held_until_s = now_s + HOLD_S
            return
        work = window.work_s / window.budget_s if window.budget_s else 0.0
        if work > WORK_SHARE and self.count > self._least and now_s >= self._held_until_s:
            self._trial = _Trial(self.count, rate)
            self._window = _Window(now_s, skipped=self.count)
            factor = max(DEEPEST_CUT, min(CUT, WORK_SHARE / work))
            self.count = max(self._least, int(self.count * factor))
        elif work < WORK_SHARE * CUT and self.count < self.most:
            self.count += 1
