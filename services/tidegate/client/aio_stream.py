"""One stream for asyncio."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass

import grpc

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as rpc
from tidegate.client.errors import ModerationError, write_failed
from tidegate.client.intake import Intake, TaskIntake, ThreadIntake
from tidegate.client.outstanding import Outstanding
from tidegate.client.streaming import MOST_OUTSTANDING, GivenItem, StreamResult

CLOSING_S = 2.0
"""How long a stream that is over waits for the server to end its side."""
LISTENING_S = 0.25
"""How long a call listens before it sends, after one whose status was lost because a message was being written."""
NOTICING_S = 1.0
"""How often a caller that waits for results looks whether the stream has gone silent."""


@dataclass(slots=True)
class _Leg:
    """One call. A stream that breaks goes on with another."""

    ended: bool = False
    silence: ModerationError | None = None
    call: "grpc.aio.StreamStreamCall[pb.ModerateStreamRequest, pb.ModerateStreamResponse] | None" = None

    def cancel(self) -> None:
        """Ends it from this side."""
        if self.call is not None:
            self.call.cancel()


class AsyncStream:
    """As `BlockingStream`, with tasks for threads. All state belongs to the event loop, so there is no lock.

    Only a plain iterable gets a thread, since reading it may block; its items are handed over to the loop.
    """

    def __init__(
        self,
        stub: "rpc.ModerationServiceAsyncStub",
        items: Iterable[GivenItem] | AsyncIterable[GivenItem],
        outstanding: Outstanding,
    ) -> None:
        """Starts nothing; `results` does."""
        self._stub = stub
        self._items = items
        self._outstanding = outstanding
        self._changed = asyncio.Event()
        self._results: asyncio.Queue[StreamResult | None] = asyncio.Queue()
        self._failure: BaseException | None = None
        self._closed = False
        self._leg = _Leg(ended=True)
        self._status_lost = False

    async def results(self) -> AsyncGenerator[StreamResult, None]:
        """Every item's result once, in completion order; then whatever the source of the items raised."""
        intake = self._intake()
        intake.start()
        receiver = asyncio.create_task(self._receive(), name="tidegate-client-results")
        try:
            while (result := await self._next_result()) is not None:
                intake.release()
                yield result
            await asyncio.wait([receiver], timeout=CLOSING_S)
        finally:
            self._closed = True
            intake.stop()
            self._outstanding.abandon()
            self._changed.set()
            self._leg.cancel()
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    def _intake(self) -> Intake:
        if isinstance(self._items, AsyncIterable):
            return TaskIntake(self._items, ahead=MOST_OUTSTANDING, on_item=self._admit, on_end=self._items_ended)
        loop = asyncio.get_running_loop()

        def on_item(given: GivenItem) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits for the item
                loop.call_soon_threadsafe(self._admit, given)

        def on_end(failure: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # as above
                loop.call_soon_threadsafe(self._items_ended, failure)

        return ThreadIntake(self._items, ahead=MOST_OUTSTANDING, on_item=on_item, on_end=on_end)

    async def _next_result(self) -> StreamResult | None:
        while True:
            try:
                async with asyncio.timeout(NOTICING_S):
                    return await self._results.get()
            except TimeoutError:
                self._end_if_silent()

    def _admit(self, given: GivenItem) -> None:
        if self._closed:
            return
        try:
            self._put(self._outstanding.admit(given))
        except Exception as error:  # noqa: BLE001 - in the loop's own callback: the caller raises it
            self._items_ended(error)

    def _items_ended(self, failure: BaseException | None) -> None:
        self._failure = self._failure or failure
        self._outstanding.end()
        self._put()

    async def _receive(self) -> None:
        try:
            while await self._wait_for_work():
                await self._run_leg(_Leg())
        except Exception as error:  # noqa: BLE001 - a task's boundary: the caller raises it
            self._failure = error
            self._results.put_nowait(None)

    async def _run_leg(self, leg: _Leg) -> None:
        self._leg, leg.call = leg, self._stub.ModerateStream(self._messages(leg))
        error = await self._received(leg.call)
        leg.ended = True
        self._put(*self._outstanding.broken(leg.silence or error))

    async def _received(self, call: AsyncIterable[pb.ModerateStreamResponse]) -> ModerationError:
        try:
            async for response in call:
                self._put(self._outstanding.answered(response))
        except grpc.RpcError as error:
            self._status_lost = write_failed(error)
            return ModerationError.from_rpc(error)
        except asyncio.CancelledError:  # this task's, or the call's: gRPC raises the same
            if self._closed:
                raise
            return ModerationError(grpc.StatusCode.CANCELLED, "the call was cancelled")
        return ModerationError(grpc.StatusCode.UNAVAILABLE, "the service ended the stream")

    async def _wait_for_work(self) -> bool:
        """Until there is something to send; False if there never will be."""
        while not (self._closed or self._outstanding.over):
            pause_s = self._outstanding.pause_s()
            if pause_s == 0.0:
                return True
            await self._wait_for_change(pause_s)
        return False

    async def _messages(self, leg: _Leg) -> AsyncIterator[pb.ModerateStreamRequest]:
        """What gRPC sends on one call; it ends when nothing is left to be answered."""
        while not (leg.ended or self._closed or self._outstanding.over):
            message = self._outstanding.next_message()
            if message is not None:
                if self._status_lost:
                    await self._listen(leg)
                    self._status_lost = False
                yield message
            else:
                await self._wait_for_change(self._outstanding.pause_s())

    async def _listen(self, leg: _Leg) -> None:
        """Gives a service that refuses streams the time to say so; the message that waits counts as sent."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTENING_S):
                while not (leg.ended or self._closed):
                    await self._wait_for_change(None)

    async def _wait_for_change(self, timeout_s: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()

    def _put(self, *results: StreamResult | None) -> None:
        """Hands results to the caller and wakes whoever waits for a change."""
        for result in results:
            if result is not None:
                self._results.put_nowait(result)
        if self._outstanding.over:
            self._results.put_nowait(None)
        self._changed.set()

    def _end_if_silent(self) -> None:
        silence = self._outstanding.silent()
        if silence is not None and not self._leg.ended:
            self._leg.silence = silence
            self._leg.cancel()
