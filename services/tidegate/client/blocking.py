"""The client for code without an event loop."""

import time
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Self

import grpc
from opentelemetry import trace

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as rpc
from tidegate.api.moderation.v1 import signal_service_pb2_grpc as signals_rpc
from tidegate.client.blocking_events import BlockingEvents
from tidegate.client.blocking_stream import BlockingStream
from tidegate.client.channel import channel_to, deadline_s
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


class TidegateClient:
    """Calls the service. Safe to share between threads; close it, or use it as a context manager."""

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
        self._channel = channel_to(address, credentials)
        self._stub = rpc.ModerationServiceStub(self._channel)
        self._retry = retry
        self._tracer = tracer or trace.get_tracer("tidegate.client")
        self._events = BlockingEvents(signals_rpc.SignalServiceStub(self._channel), retry=retry, tracer=self._tracer)

    def moderate(
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
            return self._decision(
                lambda left_s: self._stub.Moderate(request, timeout=left_s, metadata=metadata()), budget_ms
            )

    def moderate_stream(
        self,
        items: Iterable[GivenItem],
        *,
        budget_ms: float | None = None,
        explain: bool = False,
    ) -> Generator[StreamResult, None, None]:
        """Decides on many items over one stream. Every item gives one result, and results come in completion order.

        An item that fails is a result with an error, and the rest goes on. When the connection breaks, what has no
        answer is sent again over a new one, under its idempotency key, as often as `retry` says. What `items` raises
        is raised here, after the results of all items before it.

        Args:
            items: Items, or (item, idempotency key). At most 128 are read ahead of the results. They are read in
                a thread of their own, and reading may block.
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
        return BlockingStream(self._stub, items, outstanding).results()

    def get_decision(self, decision_id: str, *, explain: bool = False) -> Decision:
        """A recorded decision.

        Raises:
            ModerationError: There is none (NOT_FOUND), or it can't be read.
        """
        request = pb.GetDecisionRequest(decision_id=decision_id, explain=explain)
        return self._decision(lambda left_s: self._stub.GetDecision(request, timeout=left_s, metadata=metadata()), None)

    def record_events(self, events: Iterable[AccountEvent], *, backfill: bool = False) -> RecordedEvents:
        """Hands over what happened to accounts. What is not refused is durable when this returns.

        Events have ids, so any of them may be sent again, in any order. One that can't be taken is refused, and the
        others are recorded. Each thousand is a call, tried again on UNAVAILABLE for up to half a minute.

        Args:
            events: Any number; for more than some thousands use `record_event_stream`.
            backfill: Takes events of up to three years ago; without it only of the last seven days.

        Raises:
            ModerationError: Some are not recorded, or nobody knows: send all of them again.
        """
        return self._events.record(events, backfill=backfill)

    def record_event_stream(
        self, events: Iterable[AccountEvent], *, backfill: bool = False
    ) -> Generator[RecordedEvents, None, None]:
        """Hands over many events: an outcome for each ten thousand, as soon as these are durable.

        Not for events that trickle in: nothing is sent until ten thousand are there, or `events` has ended.

        Args:
            events: Read as far as they are sent.
            backfill: As for `record_events`.

        Raises:
            ModerationError: As for `record_events`; what the outcomes so far are about is recorded.
        """
        return self._events.stream(events, backfill=backfill)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _decision(self, ask: Callable[[float], _WithDecision], budget_ms: float | None) -> Decision:
        attempts = Attempts(self._retry, deadline_s=deadline_s(budget_ms))
        while True:
            try:
                return decision_of(ask(attempts.left_s()).decision)
            except grpc.RpcError as error:
                pause_s = attempts.pause_after_s(error)
            time.sleep(pause_s)
