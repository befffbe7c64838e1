"""How many places there come to be: before a server that is full, before a detector that hangs, and after both."""

import heapq
import random
from collections import deque
from itertools import count, pairwise

import pytest

from tidegate.serving.places import HOLD_S, LEAST, STEP, WAIT_SHARE, WORK_SHARE, Places

MOST, BUDGET_S, CAPACITY = 48, 0.5, 100.0


class Router:
    """One router under Poisson arrivals, in simulated time: with places, and work that is scripted."""

    def __init__(self, *, batch: int | None = None, work: float = 0.9, seed: int = 7) -> None:
        """An idle one.

        Args:
            batch: Work is done in batches of at most so many, one after the other, `CAPACITY` items a second.
            work: Without `batch`, what each takes of its budget, a fifth more or less, however many there are.
            seed: Of arrivals and work.
        """
        self.work = work
        self.batch = batch
        self.places = Places(MOST)
        self.good = self.late = self.shed = 0
        self._drawn = random.Random(seed)
        self._order = count()
        self._now_s = 0.0
        self._waiting: deque[tuple[float, float]] = deque()
        """When they came, and when they give up."""
        self._entered: deque[tuple[float, float]] = deque()
        """When they came, and when they got their places."""
        self._done: list[tuple[float, int, list[tuple[float, float]]]] = []
        self._under_way = 0

    def play(self, rate: float, seconds: float) -> None:
        """From now on, with `rate` arrivals a second."""
        self.good = self.late = self.shed = 0
        end_s = self._now_s + seconds
        arrival_s = self._now_s + self._drawn.expovariate(rate)
        while (now_s := min(arrival_s, self._done[0][0] if self._done else end_s)) < end_s:
            self._now_s = now_s
            if now_s == arrival_s:
                self._arrive()
                arrival_s += self._drawn.expovariate(rate)
            else:
                for item in heapq.heappop(self._done)[2]:
                    self._leave(*item)
            self._start()
        self._now_s = end_s

    def _arrive(self) -> None:
        allowed_s = self.places.allowed_s(BUDGET_S)
        if self._under_way < self.places.count and not self._waiting:
            self._enter(self._now_s)
            return
        self.places.found_none()
        if 0 < allowed_s >= self.places.wait_s(len(self._waiting)):
            self._waiting.append((self._now_s, self._now_s + allowed_s))
        else:
            self.shed += 1

    def _enter(self, arrived_s: float) -> None:
        self._under_way += 1
        self._entered.append((arrived_s, self._now_s))

    def _leave(self, arrived_s: float, placed_s: float) -> None:
        in_time = self._now_s - arrived_s <= BUDGET_S
        self.good, self.late = self.good + in_time, self.late + (not in_time)
        while self._waiting and self._now_s > self._waiting[0][1]:
            self._waiting.popleft()
            self.shed += 1
        self.places.worked(self._now_s - placed_s, BUDGET_S)
        self.places.freed(self._now_s, waiting=len(self._waiting))
        self._under_way -= 1
        while self._waiting and self._under_way < self.places.count:
            self._enter(self._waiting.popleft()[0])

    def _start(self) -> None:
        while self._entered and (self.batch is None or not self._done):
            items = [self._entered.popleft() for _ in range(min(self.batch or 1, len(self._entered)))]
            took_s = self.work * BUDGET_S if self.batch is None else len(items) / CAPACITY
            took_s *= self._drawn.uniform(0.8, 1.2)
            heapq.heappush(self._done, (self._now_s + min(took_s, BUDGET_S), next(self._order), items))


@pytest.mark.parametrize("overload", [1.1, 1.3, 2, 4])
def test_beyond_what_a_server_can_it_answers_as_many_in_time_as_it_can(overload: float) -> None:
    """With 48 places all the time every answer of this server, which works in batches of 8, would be late: .48 s."""
    router = Router(batch=8)
    router.play(overload * CAPACITY, 10)
    router.play(overload * CAPACITY, 60)
    assert router.good > 0.93 * 60 * CAPACITY
    assert router.late < 0.04 * router.good
    assert router.shed > 0
    assert LEAST <= router.places.count < MOST * STEP


def test_below_it_nobody_is_sent_away() -> None:
    router = Router(batch=8)
    router.play(0.7 * CAPACITY, 60)
    assert (router.late, router.shed, router.places.count) == (0, 0, MOST)


@pytest.mark.parametrize("rate", [80, 150, 400])
@pytest.mark.parametrize("seed", range(3))
def test_a_detector_that_hangs_costs_few_places(rate: float, seed: int) -> None:
    """Every item takes .45 s, however many there are: 48 places are 107 items/s, and each fewer is fewer of them."""
    router = Router(work=0.9, seed=seed)
    router.play(rate, 300)
    router.play(rate, 300)
    could = min(rate, MOST / (router.work * BUDGET_S))
    assert router.good > 0.93 * 300 * could
    assert router.late < 0.01 * router.good


@pytest.mark.parametrize("work", [0.43, 0.5, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_slow_work_alone_is_no_reason_to_send_anybody_away(work: float, seed: int) -> None:
    """Three quarters of the places are enough for what comes, so what chance adds is all that may be shed."""
    router = Router(work=work, seed=seed)
    rate = 0.75 * MOST / (work * BUDGET_S)
    router.play(rate, 600)
    router.play(rate, 600)
    assert router.shed < 0.005 * router.good


@pytest.mark.parametrize("work", [0.35, 0.9])
def test_places_that_an_overload_took_come_back_where_fewer_make_nothing_quicker(work: float) -> None:
    router = Router(batch=8)
    router.play(3 * CAPACITY, 60)
    assert router.places.count <= MOST / 2
    router.batch, router.work = None, work
    rate = 1.2 * MOST / (work * BUDGET_S)
    router.play(rate, 60)
    router.play(rate, 60)
    assert router.good > 0.9 * 60 * MOST / (work * BUDGET_S)


def test_places_come_back_when_work_is_quick_again() -> None:
    router = Router(batch=8)
    router.play(2 * CAPACITY, 30)
    few = router.places.count
    places = router.places
    for moment in range(4_000):  # scarce, and work takes a tenth of its budget
        places.found_none()
        places.worked(0.1 * BUDGET_S, BUDGET_S)
        places.freed(1_000 + moment / 400, waiting=1)
    assert few < MOST == places.count


def test_streams_alone_get_all_places_back() -> None:
    """What waits in a stream has no caller that waits for it, so it is no reason for few places."""
    router = Router(batch=8)
    router.play(2 * CAPACITY, 30)
    assert router.places.count < MOST
    for moment in range(4_000):
        router.places.freed(1_000 + moment / 100, waiting=3)
    assert router.places.count == MOST


def test_a_cut_that_made_nothing_quicker_is_undone_and_not_tried_again_for_a_while() -> None:
    places, now_s, counts = Places(MOST), 0.0, list[tuple[float, int]]()
    for _ in range(8_000):
        now_s += 0.45 / places.count
        places.found_none()
        places.worked(0.45, BUDGET_S)
        places.freed(now_s, waiting=1)
        counts.append((now_s, places.count))
    cuts = [now_s for (_, before), (now_s, after) in pairwise(counts) if after < before]
    assert len(cuts) > 2
    assert all(later - sooner > HOLD_S for sooner, later in pairwise(cuts))
    assert sum(each == MOST for _, each in counts) > 0.9 * len(counts)


def test_waiting_leaves_time_for_the_work() -> None:
    places = Places(MOST)
    assert places.allowed_s(1.0) == WAIT_SHARE
    for _ in range(200):
        places.worked(0.3, 0.5)
    assert places.allowed_s(1.0) == WAIT_SHARE
    assert places.allowed_s(0.5) == pytest.approx(0.2, abs=0.01)
    assert places.allowed_s(0.25) == 0


def test_who_gave_up_tells_that_work_takes_longer_never_that_it_is_quick() -> None:
    places = Places(MOST)
    for _ in range(100):
        places.worked(0.1, 1.0)
    for _ in range(100):
        places.abandoned(0.01, 1.0)
    assert places.allowed_s(0.2) == pytest.approx(0.1, abs=0.01)
    for _ in range(200):
        places.abandoned(0.6, 1.0)
    assert places.allowed_s(0.5) == 0


@pytest.mark.parametrize("most", [1, LEAST - 1])
def test_few_places_are_never_cut(most: int) -> None:
    places = Places(most)
    for moment in range(1_000):
        places.found_none()
        places.worked(WORK_SHARE * 2, 1.0)
        places.freed(float(moment), waiting=1)
    assert places.count == most


def test_calls_that_come_with_nothing_left_of_their_budgets_are_no_reason_to_stumble() -> None:
    places = Places(MOST)
    for moment in range(1_000):
        places.found_none()
        places.worked(0.01, 0.0)
        places.freed(float(moment), waiting=0)
    assert LEAST <= places.count <= MOST
