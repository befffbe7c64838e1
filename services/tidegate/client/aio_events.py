"""Hands account events over, for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import grpc
from opentelemetry.trace import Tracer

from tidegate.client.blocking_events import retried_as
from tidegate.client.event_batches import EventBatch
from tidegate.client.events import (
    ATTEMPT_S,
    CALL_DEADLINE_S,
    LEG_DEADLINE_S,
    LEG_EVENTS,
    MOST_EVENTS,
    RecordedEvents,
    together,
)
from tidegate.client.retry import Attempts, RetryPolicy
from tidegate.client.tracing import client_span, metadata
from tidegate.features.events.event import AccountEvent
from tidegate.telemetry.names import SpanName

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

R = TypeVar("R")
Events = Iterable[AccountEvent] | AsyncIterable[AccountEvent]


class AsyncEvents:
    """As `BlockingEvents`."""

    def __init__(self, stub: "SignalServiceAsyncStub", *, retry: RetryPolicy, tracer: Tracer) -> None:
        self._stub = stub
        self._retry = retry
        self._tracer = tracer

    async def record(self, events: Events, *, backfill: bool) -> RecordedEvents:
        """See `AsyncTidegateClient.record_events`."""
        with client_span(self._tracer, SpanName.CLIENT_RECORD_EVENTS):
            return together(
                [await self._called(batch) async for batch in _batches(events, MOST_EVENTS, backfill=backfill)]
            )

    async def stream(self, events: Events, *, backfill: bool) -> AsyncGenerator[RecordedEvents, None]:
        """See `AsyncTidegateClient.record_event_stream`."""
        async for batch in _batches(events, LEG_EVENTS, backfill=backfill):
            with client_span(self._tracer, SpanName.CLIENT_RECORD_EVENTS):
                outcome = await self._streamed(batch)
            yield outcome

    async def _called(self, batch: EventBatch) -> RecordedEvents:
        if batch.empty:
            return batch.unsent()
        request = batch.request()
        return batch.recorded(
            await self._answer(
                lambda timeout_s: self._stub.RecordEvents(request, timeout=timeout_s, metadata=metadata()),
                CALL_DEADLINE_S,
            )
        )

    async def _streamed(self, batch: EventBatch) -> RecordedEvents:
        if batch.empty:
            return batch.unsent()
        return batch.streamed(
            await self._answer(
                lambda timeout_s: self._stub.RecordEventStream(
                    batch.requests(), timeout=timeout_s, metadata=metadata()
                ),
                LEG_DEADLINE_S,
            )
        )

    async def _answer(self, ask: Callable[[float], Awaitable[R]], deadline_s: float) -> R:
        attempts = Attempts(self._retry, deadline_s=deadline_s, retried_as=retried_as)
        while True:
            try:
                return await ask(min(ATTEMPT_S, attempts.left_s()))
            except grpc.RpcError as error:
                pause_s = attempts.pause_after_s(error)
            await asyncio.sleep(pause_s)


async def _batches(events: Events, size: int, *, backfill: bool) -> AsyncGenerator[EventBatch, None]:
    first = 0
    async for some in _chunks(events, size):
        yield EventBatch(some, first=first, backfill=backfill)
        first += len(some)


async def _chunks(events: Events, size: int) -> AsyncGenerator[list[AccountEvent], None]:
    if isinstance(events, AsyncIterable):
        some: list[AccountEvent] = []
        async for event in events:
            some.append(event)
            if len(some) == size:
                yield some
                some = []
        if some:
            yield some
        return
    source = iter(events)
    while some := await asyncio.to_thread(lambda: list(islice(source, size))):  # reading may block
        yield some
