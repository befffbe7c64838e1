"""How many requests a router works on at a time, and who waits: between decoding and the spine.

Beyond what the stages can do, more requests at a time only make each of them later, until all are too late. So the
number under way is bounded (`places`), and so are the number and the time of those that wait; whoever could not be
answered in time is told at once, with when to come back. Unary calls go first: a product waits for them. Items of
streams are never refused: a stream that is not read slows its sender by itself (HTTP/2 flow control).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.moderation.budget import Budget
from tidegate.moderation.errors import Overloaded
from tidegate.serving.places import Places
from tidegate.telemetry.pressure import AdmissionMetrics, NullAdmissionMetrics

STREAM_TURN: Final = 8
"""While unary calls wait, every so many-th place goes to an item of a stream: busy hours must not stop a backlog."""
_LEAST_RETRY_S: Final = 0.1

_Waiter = asyncio.Future[None]


@dataclass(slots=True)
class Place:
    """What a unary call has while it is worked on."""

    late: bool = False
    """For who works on it to tell: something came too late, and the answer goes without."""


class Shed(StrEnum):
    """Why a call was told to come back."""

    QUEUE_FULL = "QUEUE_FULL"
    """Too many wait."""
    EXPECTED_LATE = "EXPECTED_LATE"
    """By what others waited, and by how long work takes, its answer would have come too late."""
    WAITED_OUT = "WAITED_OUT"
    """It waited, and its turn did not come in time."""


class Admission:
    """Places in one router. Belongs to one event loop."""

    def __init__(
        self,
        *,
        under_way: int,
        waiting: int,
        metrics: AdmissionMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """All places are free.

        Args:
            under_way: Most requests that are worked on at a time; fewer while work takes too much of budgets.
            waiting: Most unary calls that wait for a place.
            metrics: Told of places and of who was shed; None tells nobody.
            clock: Monotonic seconds.
        """
        self._places = Places(under_way)
        self._taken = 0
        self._most_waiting = waiting
        self._clock = clock
        self._unary: deque[_Waiter] = deque()
        self._streamed: deque[_Waiter] = deque()
        self._turn = 0
        self._metrics = metrics or NullAdmissionMetrics()
        self._metrics.watch(
            under_way=lambda: self._taken,
            waiting=lambda: {"unary": len(self._unary), "streamed": len(self._streamed)},
            places=under_way,
            limit=lambda: self._places.count,
        )
        for cause in Shed:
            self._metrics.shed(cause, calls=0)  # so that the first one is an increase

    @property
    def ongoing(self) -> int:
        """Requests that are worked on, and unary ones that wait: what more routers would take over.

        While there are fewer places than `under_way`, each that is taken counts for more, so that a router without a
        free place always says the same: a target for scaling is a share of all places. A stream stays with its router,
        so what waits of it is no reason for another one.
        """
        places = self._places
        return -(-self._taken * places.most // places.count) + len(self._unary)

    @asynccontextmanager
    async def unary(self, budget: Budget) -> AsyncIterator[Place]:
        """A place for a unary call, for as long as the block lasts.

        Raises:
            Overloaded: Too many wait, or the wait would take too much of the budget.
        """
        left_s = budget.left_s()
        allowed_s = self._places.allowed_s(left_s)
        if self._taken >= self._places.count or self._unary:
            self._places.found_none()
            expected_s = self._places.wait_s(len(self._unary))
            full = len(self._unary) >= self._most_waiting
            if full or not 0 < allowed_s >= expected_s:
                self._metrics.shed(Shed.QUEUE_FULL if full else Shed.EXPECTED_LATE)
                raise Overloaded(retry_after_s=max(expected_s, _LEAST_RETRY_S))
            try:
                async with asyncio.timeout(allowed_s):
                    await self._place(self._unary)
            except TimeoutError as late:
                self._metrics.shed(Shed.WAITED_OUT)
                raise Overloaded(retry_after_s=max(allowed_s, _LEAST_RETRY_S)) from late
        else:
            self._taken += 1
        began_s, place = self._clock(), Place()
        try:
            yield place
            self._places.worked(self._clock() - began_s, left_s, late=place.late)
        except asyncio.CancelledError:
            self._places.abandoned(self._clock() - began_s, left_s)
            raise
        finally:
            self._leave()

    @asynccontextmanager
    async def streamed(self) -> AsyncIterator[None]:
        """A place for an item of a stream, for as long as the block lasts; waits as long as it takes."""
        await self._place(self._streamed)
        try:
            yield
        finally:
            self._leave()

    async def _place(self, queue: deque[_Waiter]) -> None:
        if self._taken < self._places.count and not self._unary and not self._streamed:
            self._taken += 1
            return
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the place came together with the cancellation
                self._leave()
            elif waiter in queue:
                queue.remove(waiter)
            raise

    def _leave(self) -> None:
        self._taken -= 1
        self._places.freed(self._clock(), waiting=len(self._unary) + len(self._streamed))
        while self._taken < self._places.count and (waiter := self._next()) is not None:
            self._taken += 1
            waiter.set_result(None)

    def _next(self) -> _Waiter | None:
        while self._unary or self._streamed:
            self._turn += 1
            streamed = not self._unary or (bool(self._streamed) and self._turn % STREAM_TURN == 0)
            waiter = (self._streamed if streamed else self._unary).popleft()
            if not waiter.done():
                return waiter
        return None
