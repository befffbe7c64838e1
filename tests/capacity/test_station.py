"""A station against the router's own `Admission`: the same arrivals and leavings, the same refusals."""

import asyncio
import random
from collections import deque
from contextlib import AbstractAsyncContextManager

import pytest

from tidegate.capacity.scenario import Admission as Rules
from tidegate.capacity.station import Item, Station
from tidegate.moderation.budget import Budget
from tidegate.moderation.errors import Overloaded
from tidegate.serving.admission import Admission

PLACES, WAITING, BUDGET_S = 3, 8, 3_600.0


class Clock:
    """Seconds, moved by the test."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Router:
    """The real admission, with requests that end when the test says so."""

    def __init__(self, clock: Clock) -> None:
        self._admission = Admission(under_way=PLACES, waiting=WAITING, clock=clock)
        self._working: list[AbstractAsyncContextManager[object]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused = 0

    @property
    def under_way(self) -> int:
        return len(self._working)

    async def arrive(self) -> None:
        task = asyncio.create_task(self._ask())
        self._tasks.add(task)
        await turns()

    async def leave(self) -> None:
        await self._working.pop(0).__aexit__(None, None, None)
        await turns()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._working:
            await self.leave()

    async def _ask(self) -> None:
        place = self._admission.unary(Budget.of_ms(BUDGET_S * 1e3))
        try:
            await place.__aenter__()
        except Overloaded:
            self.refused += 1
        else:
            self._working.append(place)


async def turns() -> None:
    """Lets everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("pace_s", "longest_queue"), [(1.0, 8), (400.0, 4)])
async def test_it_refuses_what_the_router_refuses(pace_s: float, longest_queue: int) -> None:
    """With a second between two places, the queue's length is the bound; with 400 s, half of the budget of an hour is.

    Nobody waits so long that he is given up: that the router measures by the loop's clock, which nothing moves here.
    """
    drawn, clock = random.Random(7), Clock()
    router = Router(clock)
    station = Station(Rules(under_way=PLACES, waiting=WAITING, budget_s=BUDGET_S))
    under_way: deque[Item] = deque()
    longest = 0
    for step in range(400):
        # One at a time, with somebody waiting, until the mean time between two places is known to both.
        for _ in range(1 if step < 120 else drawn.randrange(4)):
            await router.arrive()
            if station.arrive(clock.now_s):
                under_way.append(Item(clock.now_s, clock.now_s))
            longest = max(longest, len(station.waiting))
        # Places are counted, not cores: the router's requests are under way whether they are worked on or not.
        assert (station.in_service + len(station.entered), station.shed) == (router.under_way, router.refused)
        if station.waiting:
            clock.now_s += pace_s * drawn.uniform(0.95, 1.05)
            await router.leave()
            station.leave(clock.now_s, under_way.popleft())
            while (item := station.start()) is not None:
                under_way.append(item)
    assert router.refused > 20
    assert longest == longest_queue
    await router.stop()


def test_who_waited_half_of_the_budget_is_given_up() -> None:
    station = Station(Rules(under_way=1, waiting=5, budget_s=2.0))
    assert station.arrive(0.0)
    assert not station.arrive(0.5)
    assert not station.arrive(1.4)
    station.leave(2.0, Item(0.0, 0.0))  # the first waiter has waited 1.5 s of the 1 s it may, the second 0.6 s
    assert station.shed == 1
    assert station.start() == Item(1.4, 2.0)
