"""Hands account events over, for code without an event loop."""

import time
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from typing import TypeVar

import grpc
from opentelemetry.trace import Tracer

from tidegate.api.moderation.v1 import signal_service_pb2_grpc as rpc
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

R = TypeVar("R")


class BlockingEvents:
    """The calls of SignalService. An event has an id, so an attempt that may have arrived is simply repeated."""

    def __init__(self, stub: "rpc.SignalServiceStub", *, retry: RetryPolicy, tracer: Tracer) -> None:
        self._stub = stub
        self._retry = retry
        self._tracer = tracer

    def record(self, events: Iterable[AccountEvent], *, backfill: bool) -> RecordedEvents:
        """See `TidegateClient.record_events`."""
        with client_span(self._tracer, SpanName.CLIENT_RECORD_EVENTS):
            return together(self._called(batch) for batch in batches(events, MOST_EVENTS, backfill=backfill))

    def stream(self, events: Iterable[AccountEvent], *, backfill: bool) -> Generator[RecordedEvents, None, None]:
        """See `TidegateClient.record_event_stream`."""
        for batch in batches(events, LEG_EVENTS, backfill=backfill):
            with client_span(self._tracer, SpanName.CLIENT_RECORD_EVENTS):
                outcome = self._streamed(batch)
            yield outcome

    def _called(self, batch: EventBatch) -> RecordedEvents:
        if batch.empty:
            return batch.unsent()
        request = batch.request()
        return batch.recorded(
            self._answer(
                lambda timeout_s: self._stub.RecordEvents(request, timeout=timeout_s, metadata=metadata()),
                CALL_DEADLINE_S,
            )
        )

    def _streamed(self, batch: EventBatch) -> RecordedEvents:
        if batch.empty:
            return batch.unsent()
        return batch.streamed(
            self._answer(
                lambda timeout_s: self._stub.RecordEventStream(
                    batch.requests(), timeout=timeout_s, metadata=metadata()
                ),
                LEG_DEADLINE_S,
            )
        )

    def _answer(self, ask: Callable[[float], R], deadline_s: float) -> R:
        attempts = Attempts(self._retry, deadline_s=deadline_s, retried_as=retried_as)
        while True:
            try:
                return ask(min(ATTEMPT_S, attempts.left_s()))
            except grpc.RpcError as error:
                pause_s = attempts.pause_after_s(error)
            time.sleep(pause_s)


def batches(events: Iterable[AccountEvent], size: int, *, backfill: bool) -> Generator[EventBatch, None, None]:
    """The events in batches of `size`."""
    source, first = iter(events), 0
    while some := list(islice(source, size)):
        yield EventBatch(some, first=first, backfill=backfill)
        first += len(some)


def retried_as(code: grpc.StatusCode) -> grpc.StatusCode:
    """An attempt that was not answered in its time counts as an outage: it may be repeated."""
    return grpc.StatusCode.UNAVAILABLE if code is grpc.StatusCode.DEADLINE_EXCEEDED else code
