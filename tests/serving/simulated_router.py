"""One router under Poisson arrivals, in simulated time: real places, and work that is scripted."""

import heapq
import random
from collections import deque
from dataclasses import dataclass
from itertools import count

from tidegate.serving.places import Places

MOST, BUDGET_S, CAPACITY = 48, 0.5, 100.0


@dataclass(slots=True)
class Item:
    """Something that is decided on, or was refused."""

    arrived_s: float
    """When it came."""
    placed_s: float = 0.0
    """When it got its place."""
    left: bool = False
    """Whether it left its place: its work was done, or its budget over."""


class Router:
    """A router and the machine behind it."""

    def __init__(
        self,
        *,
        batch: int | None = None,
        work: float = 0.9,
        capacity: float = CAPACITY,
        most: int = MOST,
        seed: int = 7,
    ) -> None:
        """An idle one.

        Args:
            batch: Work is done in batches of at most so many, one after the other, `capacity` items a second. What has
                not begun when its budget ends is left out, what has is done in vain.
            work: Without `batch`, what each takes of its budget, a fifth more or less, however many there are; 2 is a
                detector that hangs.
            capacity: See `batch`.
            most: Places that there are at first.
            seed: Of arrivals and work.
        """
        self.work = work
        self.batch = batch
        self.capacity = capacity
        self.places = Places(most)
        self.good = self.late = self.shed = 0
        self._drawn = random.Random(seed)
        self._order = count()
        self._now_s = 0.0
        self._waiting: deque[tuple[float, float]] = deque()
        """When they came, and when they give up."""
        self._entered: deque[Item] = deque()
        """Those whose work has not begun."""
        self._done: list[tuple[float, int, list[Item]]] = []
        """When work ends, and on what."""
        self._ends: list[tuple[float, int, Item]] = []
        """When the budgets of those with a place end."""
        self._under_way = 0

    def play(self, rate: float, seconds: float) -> None:
        """From now on, with `rate` arrivals a second; counts from zero who was answered in time, late, or refused."""
        self.good = self.late = self.shed = 0
        end_s = self._now_s + seconds
        arrival_s = self._now_s + self._drawn.expovariate(rate)
        while (now_s := min([arrival_s, *(each[0][0] for each in (self._done, self._ends) if each)])) < end_s:
            self._now_s = now_s
            if self._done and now_s == self._done[0][0]:
                for item in heapq.heappop(self._done)[2]:
                    self._leave(item)
            elif self._ends and now_s == self._ends[0][0]:
                self._leave(heapq.heappop(self._ends)[2])
            else:
                self._arrive()
                arrival_s += self._drawn.expovariate(rate)
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
        item = Item(arrived_s, self._now_s)
        self._under_way += 1
        self._entered.append(item)
        heapq.heappush(self._ends, (arrived_s + BUDGET_S, next(self._order), item))

    def _leave(self, item: Item) -> None:
        if item.left:
            return
        item.left = True
        late = self._now_s - item.arrived_s >= BUDGET_S
        self.good, self.late = self.good + (not late), self.late + late
        while self._waiting and self._now_s > self._waiting[0][1]:
            self._waiting.popleft()
            self.shed += 1
        self.places.worked(self._now_s - item.placed_s, BUDGET_S, late=late)
        self.places.freed(self._now_s, waiting=len(self._waiting))
        self._under_way -= 1
        while self._waiting and self._under_way < self.places.count:
            self._enter(self._waiting.popleft()[0])

    def _start(self) -> None:
        while self._entered and (self.batch is None or not self._done):
            items: list[Item] = []
            while self._entered and len(items) < (self.batch or 1):
                item = self._entered.popleft()
                if not item.left:
                    items.append(item)
            took_s = self.work * BUDGET_S if self.batch is None else len(items) / self.capacity
            took_s *= self._drawn.uniform(0.8, 1.2)
            heapq.heappush(self._done, (self._now_s + took_s, next(self._order), items))
