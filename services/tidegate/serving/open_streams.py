"""The streams that are open at a router, and how they end when it stops.

A stream may stay open for ever. Serve (2.60) would wait for it as long as it waits for anything, and then kill the
process without closing it: the last spans and counts were lost. So when Serve stops the router's gRPC server
(`stops_after_streams`), each stream is told first. From then on nothing more is read of it, what was read is answered,
and it ends in UNAVAILABLE with reason ROUTER_STOPPING: clients send the rest elsewhere.

Serve stops the server once every proxy has taken the router out (`grpc.draining_s`). Told any sooner, a client would
come back to the router that it was sent away from.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Generic, Self, TypeVar

logger = logging.getLogger(__name__)

CLOSING_S: Final = 3.0
"""Of the time that Serve gives a router to stop, kept for its destructor: the ledger's last transaction, the last spans
and counts. Whoever has not read its answers so long before the end is cut off."""

T = TypeVar("T")


class OpenStreams:
    """A router's streams. Belongs to one event loop."""

    def __init__(self) -> None:
        self._open: set[Reading[Any]] = set()
        self._told = asyncio.Event()

    @property
    def told(self) -> bool:
        """Whether they were told to end; from then on new ones end at once."""
        return self._told.is_set()

    def end(self) -> None:
        """Tells all of them. Once is enough."""
        if self.told:
            return
        logger.info("router.stops", extra={"open_streams": len(self._open)})
        self._told.set()
        for reading in self._open:
            reading.interrupt()

    @contextmanager
    def reading(self, requests: AsyncIterator[T]) -> "Iterator[Reading[T]]":
        """The requests of one stream until it is told to end, for as long as the block lasts."""
        reading = Reading(requests, self)
        self._open.add(reading)
        try:
            yield reading
        finally:
            self._open.discard(reading)

    async def pause(self, seconds: float) -> None:
        """Sleeps; wakes up at once when streams are told to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()


class Reading(Generic[T]):
    """What is read of one stream. Read by one task at a time."""

    def __init__(self, requests: AsyncIterator[T], streams: OpenStreams) -> None:
        self._requests = requests
        self._streams = streams
        self._waiting: asyncio.Task[Any] | None = None
        self._interrupted = False
        self.cut = False
        """Whether it was ended here, and not by its sender."""

    def interrupt(self) -> None:
        """Ends it, also where it waits for the next request."""
        if self._waiting is not None:
            self._interrupted = True
            self._waiting.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next request. One that comes at the very end counts as not read, and its sender is told so."""
        if self._streams.told:
            return self._end()
        self._waiting = task = asyncio.current_task()
        try:
            return await anext(self._requests)
        except asyncio.CancelledError:
            # As asyncio.timeout does it: ours is taken back, and one that somebody else asked for goes on.
            if not self._interrupted or task is None or task.uncancel() > 0:
                raise
            return self._end()
        finally:
            self._waiting = None

    def _end(self) -> T:
        self.cut = True
        raise StopAsyncIteration


def stops_after_streams(server: Any, streams: OpenStreams, *, closing_s: float = 0.0) -> None:
    """From now on `server.stop` tells the streams first. Doing so twice is doing so once.

    This is where a router learns that it ends: Serve calls nothing of a deployment's own before, and its destructor
    only after the server has stopped, which open streams delay.

    Args:
        server: A `grpc.aio.Server`, Serve's or another.
        streams: Its router's.
        closing_s: How much of the time that `stop` gives is kept for what comes after it. Serve gives all that it has.
    """
    if not isinstance(server.stop, _StopAfterStreams):
        server.stop = _StopAfterStreams(server.stop, streams, closing_s)


class _StopAfterStreams:
    """In place of `grpc.aio.Server.stop`."""

    def __init__(self, stop: Any, streams: OpenStreams, closing_s: float) -> None:
        self._stop, self._streams, self._closing_s = stop, streams, closing_s

    async def __call__(self, grace: float | None) -> None:
        """Stops the server: streams end by themselves, and what has not ended after `grace` is cut off."""
        self._streams.end()
        await self._stop(None if grace is None else max(0.0, grace - self._closing_s))
