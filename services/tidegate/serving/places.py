"""How many requests a router works on at a time, and how long one may wait to be among them. No clock, no queue.

More places than the machines behind can use make nothing faster and everything later: by Little's law, work takes
places ÷ throughput. So where calls find no place and work takes too much of their budgets, there are fewer places. But
work may be slow for other reasons, as when a detector hangs: then fewer places would only refuse more. So each step
is a trial, and work's time is the judge: if it follows the number of places, the machines are full and fewer places
are right; if it does not, more are. Where places are scarce and work is quick, they come back one at a time, without
a trial.

Where most answers are late, work's time tells nothing, since budgets end it: then places are halved until answers are
in time again. If they never are, the places come back, all at once.

`serving.admission` asks for real, `capacity.station` in simulations.
"""

import math
from dataclasses import dataclass
from typing import Final

WAIT_SHARE: Final = 0.5
"""Most of a request's budget that it may wait, however quick the work is."""
WORK_SHARE: Final = 0.4
"""Share of budgets that work takes at most, in the mean, before there are fewer places. What is left is for waiting,
and for the slowest: at this mean, a tail of twice it is still in time."""
STEP: Final = 0.75
"""Factor of the mildest cut, and of a raise in return: enough that what it changes shows above the noise of a mean."""
DEEPEST_CUT: Final = 0.5
"""Factor of the deepest cut. Between them it is what brings work to its share, by Little's law."""
SCARCE: Final = 0.05
"""Share of calls that find no place, from which places are scarce: with less, their number matters to nobody."""
GENERATIONS: Final = 3
"""Length of a window, in requests per place: answers come in batches, and a mean over few of them tells little."""
SHORTEST_WINDOW: Final = 32
"""Requests."""
SHORTEST_DESCENT: Final = 12
"""As `SHORTEST_WINDOW`, where most answers are late: enough to tell half from all, and each costs a budget's length. Of
unary calls there must be as many."""
LEAST: Final = 4
"""Fewest places there are, unless settings allow fewer."""
HOLD_S: Final = 5.0
"""After a trial that was undone: no other for so long, and then one the other way. After each further cut twice as
long, so that one that noise undid is soon tried again, and a detector that hangs for long costs little."""
LONGEST_HOLD_S: Final = 40.0
"""Bounds it."""
PROOF: Final = 1 / 3
"""Part of the change in work's time that machines which are full would show, from which they count as full. Less than
half, since budgets that end cut off the longest."""
MOSTLY: Final = 0.5
"""Share of answers that are late from which places are halved, whether anybody waits for one or not: a machine that is
so far beyond what it can do hardly answers anybody, since it works on what will be late."""
RELIEF: Final = 0.5
"""What is left of that share, at most, where halving has helped."""
LONGEST_DESCENT_HOLD_S: Final = 160.0
"""As `LONGEST_HOLD_S`, between two descents. Each takes some seconds and goes down to the fewest places: while a
detector hangs that costs some 4 of 100 answers, which would all lack it."""
SMOOTHING: Final = 0.05
"""Weight of the newest interval between two places that become free, and of the newest work's time."""
_DEVIATIONS: Final = 2.0
"""Mean deviations that are added to the mean time of work to foresee it (95 of 100, were it normally distributed).
RFC 6298, which foresees round trips so, adds four: a false alarm costs it more."""


@dataclass(slots=True)
class _Window:
    """What happened since places were last thought about."""

    skipped: int = 0
    """Requests still to leave before it begins: those that were under way at the last step."""
    finished: int = 0
    """Requests that left their places."""
    wanting: int = 0
    """Unary calls that found no place."""
    calls: int = 0
    """Unary calls that were done."""
    late: int = 0
    """Of these: something that they asked for was late."""
    work_s: float = 0.0
    """Of these, together."""
    budget_s: float = 0.0
    """Of these, together."""

    @property
    def tells(self) -> bool:
        """Whether there were unary calls enough to tell half from all of them."""
        return self.calls >= SHORTEST_DESCENT

    @property
    def late_share(self) -> float:
        """Of the unary calls that were done; 0 if none was."""
        return self.late / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class _Descent:
    places: int
    """Before it."""
    late_share: float
    """Then."""


@dataclass(frozen=True, slots=True)
class _Trial:
    places: int
    """Before the step."""
    work_s: float
    """Mean time of work then."""

    def failed(self, places: int, work_s: float) -> bool:
        """Whether a step to `places` is to be undone, by the mean time of work since.

        A cut, if work did not get quicker by `PROOF` of what it would where machines are full; a raise, if it got
        slower by as much.
        """
        return work_s > self.work_s * (1 + PROOF * (places / self.places - 1))


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
        self._window = _Window()
        self._trial: _Trial | None = None
        self._held_until_s = float("-inf")
        self._hold_s = HOLD_S
        self._cut_failed = False
        self._descent: _Descent | None = None
        self._descent_held_until_s = float("-inf")
        self._descent_hold_s = HOLD_S

    def wait_s(self, ahead: int) -> float:
        """Seconds after which the next to come gets a place, with `ahead` waiting before it."""
        return (ahead + 1) * self._interval_s

    def allowed_s(self, left_s: float) -> float:
        """Seconds that a request with `left_s` of its budget left may wait for a place and still be answered in time.

        Zero if it should not wait at all.
        """
        work_s = self._mean_s + _DEVIATIONS * self._deviation_s
        return max(0.0, min(left_s * WAIT_SHARE, left_s - work_s))

    def found_none(self) -> None:
        """A unary call found no place: it waits, or was refused."""
        if not self._window.skipped:
            self._window.wanting += 1

    def worked(self, work_s: float, budget_s: float, *, late: bool) -> None:
        """A unary call was answered.

        Args:
            work_s: Seconds for which it had a place.
            budget_s: What it had left of its budget when it came.
            late: Whether it was answered without something that came too late.
        """
        if self._mean_s:
            self._deviation_s += SMOOTHING * (abs(work_s - self._mean_s) - self._deviation_s)
            self._mean_s += SMOOTHING * (work_s - self._mean_s)
        else:
            self._mean_s, self._deviation_s = work_s, 0.0
        if not self._window.skipped:
            self._window.calls += 1
            self._window.late += late
            self._window.work_s += work_s
            self._window.budget_s += budget_s

    def abandoned(self, work_s: float, budget_s: float) -> None:
        """The caller of a unary call gave up, which tells only that work takes longer than this. See `worked`."""
        if work_s >= self._mean_s:
            self.worked(work_s, budget_s, late=True)

    def freed(self, now_s: float, *, waiting: int) -> None:
        """A place became free, of a unary call (see `worked`, which comes before) or an item of a stream.

        Args:
            now_s: Monotonic seconds.
            waiting: Requests that wait for it now. If none does, the next interval would be one of idleness.
        """
        if self._freed_at_s is not None:
            self._interval_s += SMOOTHING * (now_s - self._freed_at_s - self._interval_s)
        self._freed_at_s = now_s if waiting else None
        window = self._window
        if window.skipped:
            window.skipped -= 1
            return
        window.finished += 1
        if window.finished >= self._long_enough(window):
            self._window = _Window()
            self._decide(window, now_s)

    def _decide(self, window: _Window, now_s: float) -> None:
        trial, self._trial = self._trial, None
        if self._descending(window, now_s):
            return
        if not window.calls:  # streams alone: nobody waits for an answer
            self.count = min(self.most, self.count + 1)
            return
        if window.wanting < SCARCE * window.finished:
            return
        work_s = window.work_s / window.calls
        share = window.work_s / window.budget_s if window.budget_s else math.inf
        if trial is not None and trial.failed(self.count, work_s):
            self._undo(trial, now_s)
            return
        if trial is not None:
            self._hold_s = HOLD_S
            self._cut_failed = self._cut_failed and self.count > trial.places
        if share < WORK_SHARE * STEP:
            self.count = min(self.most, self.count + 1)
        elif now_s >= self._held_until_s:
            raises = share <= WORK_SHARE or self._cut_failed or self.count <= self._least  # no cut can be tried there
            if raises and self.count < self.most:
                self._try(min(self.most, math.ceil(self.count / STEP)), work_s)
            elif share > WORK_SHARE and self.count > self._least:
                factor = max(DEEPEST_CUT, min(STEP, WORK_SHARE / share))
                self._try(max(self._least, int(self.count * factor)), work_s)

    def _long_enough(self, window: _Window) -> int:
        if window.late_share > MOSTLY:  # it takes two generations to begin: a stall makes one of them late
            return max(SHORTEST_DESCENT, self.count) * (2 if self._descent is None else 1)
        return max(SHORTEST_WINDOW, GENERATIONS * self.count)

    def _descending(self, window: _Window, now_s: float) -> bool:
        """Halves places where most answers are late, and gives them back where that was in vain; whether it did.

        It was in vain, too, if nearly all there is to do is streams': their items wait, and few calls tell nothing.
        """
        if self._descent is None and not window.tells:
            return window.late_share > MOSTLY  # budgets ended that work: its time tells nothing, so no trial either
        before = self._descent or _Descent(self.count, window.late_share)
        if window.tells and window.late_share <= (MOSTLY if self._descent is None else before.late_share * RELIEF):
            if self._descent is not None:
                self._descent, self._descent_hold_s = None, HOLD_S
            return False
        held = self._descent is None and now_s < self._descent_held_until_s
        if self.count > self._least and window.tells and not held:
            self._descent = before
            self._step(max(self._least, self.count // 2))
        elif self._descent is not None:
            self._descent = None
            self._descent_held_until_s = now_s + self._descent_hold_s
            self._descent_hold_s = min(LONGEST_DESCENT_HOLD_S, 2 * self._descent_hold_s)
            self._step(before.places)
        return True

    def _try(self, places: int, work_s: float) -> None:
        self._trial = _Trial(self.count, work_s)
        self._step(places)

    def _step(self, places: int) -> None:
        self._window = _Window(skipped=self.count)
        self.count = places

    def _undo(self, trial: _Trial, now_s: float) -> None:
        self._cut_failed = trial.places > self.count
        self._held_until_s = now_s + (self._hold_s if self._cut_failed else 2 * HOLD_S)
        if self._cut_failed:
            self._hold_s = min(LONGEST_HOLD_S, 2 * self._hold_s)
        self._step(trial.places)
