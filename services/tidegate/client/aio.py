"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self

import grpc
from opentelemetry import trace

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as rpc
from tidegate.api.moderation.v1 import signal_service_pb2_grpc as signals_rpc
from tidegate.client.aio_events import AsyncEvents
from tidegate.client.aio_stream import AsyncStream
from tidegate.client.channel import OPTIONS, deadline_s
from tidegate.client.decisions import Decision, decision_of
from tidegate.client.events import RecordedEvents
from tidegate.client.items import budget_of, new_key, request_of
from tidegate.client.outstanding import Outstanding
from tidegate.client.retry import Attempts, RetryPolicy
from tidegate.client.streaming import GivenItem, StreamResult
from tidegate.client.tracing import client_span, metadata
from tidegate.features.events.event import AccountEvent
from tidegate.moderation.item import ContentItem
from tidegate.telemetry.names import SpanName

_WithDecision = pb.ModerateResponse | pb.GetDecisionResponse


class AsyncTidegateClient:
    """Calls the service. Belongs to the event loop it is made in; close it, or use it with `async with`."""

    def __init__(
        self,
        address: str = "127.0.0.1:9000",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        tracer: trace.Tracer | None = None,
    ) -> None:
        """Connects lazily.

        Args:
            address: host:port, or any gRPC target.
            credentials: For TLS; None means plain text.
            retry: On UNAVAILABLE only.
            tracer: For the client's spans; None means the application's own, through OpenTelemetry's API.
        """
        self._channel = (
            grpc.aio.secure_channel(address, credentials, OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(address, OPTIONS)
        )
        self._stub: rpc.ModerationServiceAsyncStub = rpc.ModerationServiceStub(self._channel)
        self._retry = retry
        self._tracer = tracer or trace.get_tracer("tidegate.client")
        self._events = AsyncEvents(signals_rpc.SignalServiceStub(self._channel), retry=retry, tracer=self._tracer)

    async def moderate(
        self,
        item: ContentItem,
        *,
        idempotency_key: str | None = None,
        budget_ms: float | None = None,
        explain: bool = False,
    ) -> Decision:
        """Decides on one item.

        Args:
            item: What to decide on.
            idempotency_key: The same key with the same item gives the same decision; None makes a new one.
            budget_ms: How long the service may take over the decision; None means its default. The call, retries
                included, ends at most five seconds later.
            explain: Adds how each rule came out.

        Raises:
            ModerationError: There is no decision.
        """
        key = idempotency_key or new_key()
        request = request_of(item, idempotency_key=key, budget=budget_of(budget_ms), explain=explain)
        with client_span(self._tracer, SpanName.CLIENT_MODERATE):
            return await self._decision(
                lambda left_s: self._stub.Moderate(request, timeout=left_s, metadata=metadata()), budget_ms
            )

    def moderate_stream(
        self,
        items: Iterable[GivenItem] | AsyncIterable[GivenItem],
        *,
        budget_ms: float | None = None,
        explain: bool = False,
    ) -> AsyncGenerator[StreamResult, None]:
        """Decides on many items over one stream. Every item gives one result, and results come in completion order.

        An item that fails is a result with an error, and the rest goes on. When the connection breaks, what has no
        answer is sent again over a new one, under its idempotency key, as often as `retry` says. What `items` raises
        is raised here, after the results of all items before it.

        To leave early, close it: `async with contextlib.aclosing(client.moderate_stream(items)) as results`.

        Args:
            items: Items, or (item, idempotency key). At most 128 are read ahead of the results. A plain iterable is
                read in a thread of its own and may block.
            budget_ms: For each item, as for `moderate`.
            explain: Adds how each rule came out.
        """
        outstanding = Outstanding(
            tracer=self._tracer,
            above=trace.get_current_span(),
            retry=self._retry,
            budget=budget_of(budget_ms),
            explain=explain,
            silence_s=deadline_s(budget_ms),
        )
        return AsyncStream(self._stub, items, outstanding).results()

    async def get_decision(self, decision_id: str, *, explain: bool = False) -> Decision:
        """A recorded decision.

        Raises:
            ModerationError: There is none (NOT_FOUND), or it can't be read.
        """
        request = pb.GetDecisionRequest(decision_id=decision_id, explain=explain)
        return await self._decision(
            lambda left_s: self._stub.GetDecision(request, timeout=left_s, metadata=metadata()), None
        )

    async def record_events(
        self, events: Iterable[AccountEvent] | AsyncIterable[AccountEvent], *, backfill: bool = False
    ) -> RecordedEvents:
        """Hands over what happened to accounts; see `TidegateClient.record_events`.

        Raises:
            ModerationError: Some are not recorded, or nobody knows: send all of them again.
        """
        return await self._events.record(events, backfill=backfill)

    def record_event_stream(
        self, events: Iterable[AccountEvent] | AsyncIterable[AccountEvent], *, backfill: bool = False
    ) -> AsyncGenerator[RecordedEvents, None]:
        """Hands over many events; see `TidegateClient.record_event_stream`. A plain iterable may block."""
        return self._events.stream(events, backfill=backfill)

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _decision(self, ask: Callable[[float], Awaitable[_WithDecision]], budget_ms: float | None) -> Decision:
        attempts = Attempts(self._retry, deadline_s=deadline_s(budget_ms))
        while True:
            try:
                return decision_of((await ask(attempts.left_s())).decision)
            except grpc.RpcError as error:
                pause_s = attempts.pause_after_s(error)
            await asyncio.sleep(pause_s)
