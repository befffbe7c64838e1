"""Greedy micro-batching between stages.

An idle stage is sent what has come in one turn of the event loop. What arrives while a batch is under way goes out with
the next one; beside the first goes another, up to `in_flight`, only once it would be half full: what a batch costs
whatever its size (a call between processes, one to Triton) is most of what a small one costs. There is never a fixed
wait. Only where cores are crowded does a stage rest after a small batch, up to 25 ms (`core_wait.rest_s`): answers are
late there because of what batches cost, and fewer and fuller ones make nearly all of them come sooner.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from tidegate.telemetry.core_wait import CoreWait, rest_s
from tidegate.telemetry.pressure import NullStageMetrics, StageMetrics

Request = TypeVar("Request")
Response = TypeVar("Response")


class GreedyBatcher(Generic[Request, Response]):
    """Collects concurrent requests into batches for one downstream stage.

    Belongs to one event loop. A caller that gives up (its budget ran out) leaves the queue and is not sent.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Request]], Awaitable[Sequence[Response]]],
        *,
        max_batch: int,
        in_flight: int,
        metrics: StageMetrics | None = None,
        clock: Callable[[], float] = time.perf_counter,
        waits: Callable[[], float] | None = None,
    ) -> None:
        """Wires the batcher to its stage.

        Args:
            run: Answers a batch, one response per request, in order.
            max_batch: Most requests in one batch.
            in_flight: Most batches under way at a time.
            metrics: Told of batches and of who waits; None tells nobody.
            clock: Seconds that only grow.
            waits: The share of time that this thread waits for a core; None measures it.
        """
        self._run = run
        self._max_batch = max_batch
        self._worth_another = max(1, max_batch // 2)
        self._in_flight = in_flight
        self._under_way = 0
        self._sending = False
        self._resting: asyncio.TimerHandle | None = None
        self._waiting: deque[tuple[Request, asyncio.Future[Response]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clock = clock
        self._waits = waits or CoreWait().share
        self._rests_until = float("-inf")
        self._metrics = metrics or NullStageMetrics()
        self._metrics.watch(waiting=lambda: len(self._waiting), under_way=lambda: self._under_way)

    async def submit(self, request: Request) -> Response:
        """The stage's answer to one request. Raises whatever the stage raised for its batch."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Response] = loop.create_future()
        self._waiting.append((request, future))
        if not self._sending:
            self._send_soon(loop)
        elif self._resting is not None and len(self._waiting) >= self._worth_another:
            self._resting.cancel()
            self._resting = None
            loop.call_soon(self._send)
        return await future

    def _send_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._may_send():
            return
        self._sending = True
        rest = 0.0 if len(self._waiting) >= self._worth_another else self._rests_until - self._clock()
        if rest > 0:
            self._resting = loop.call_later(rest, self._send)
        else:
            loop.call_soon(self._send)

    def _may_send(self) -> bool:
        if not self._under_way:
            return bool(self._waiting)
        return self._under_way < self._in_flight and len(self._waiting) >= self._worth_another

    def _send(self) -> None:
        self._sending = False
        self._resting = None
        while self._may_send():
            batch = self._take()
            if not batch:
                return
            self._under_way += 1
            task = asyncio.create_task(self._deliver(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take(self) -> list[tuple[Request, asyncio.Future[Response]]]:
        batch: list[tuple[Request, asyncio.Future[Response]]] = []
        while self._waiting and len(batch) < self._max_batch:
            request, future = self._waiting.popleft()
            if not future.done():
                batch.append((request, future))
        return batch

    async def _deliver(self, batch: Sequence[tuple[Request, asyncio.Future[Response]]]) -> None:
        begun_s, failed = self._clock(), True
        try:
            responses = await self._run([request for request, _ in batch])
            failed = False
            for (_, future), response in zip(batch, responses, strict=True):
                if not future.done():
                    future.set_result(response)
        except BaseException as error:  # the batch's callers get it; the batcher itself must live on
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        finally:
            ended_s = self._clock()
            self._metrics.batched(len(batch), duration_s=ended_s - begun_s, failed=failed)
            self._under_way -= 1
            self._rests_until = ended_s + rest_s(
                ended_s - begun_s, waits=self._waits(), size=len(batch), enough=self._worth_another
            )
            if not self._sending:
                self._send_soon(asyncio.get_running_loop())
