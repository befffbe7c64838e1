"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Self

import grpc
from opentelemetry import trace

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as rpc
from tidegate.client.channel import OPTIONS, deadline_s
from tidegate.client.decisions import Decision, decision_of
from tidegate.client.errors import ModerationError
from tidegate.client.items import request_of
from tidegate.client.retry import RetryPolicy
from tidegate.client.streaming import KeyedItem, Pending, StreamResult
from tidegate.client.tracing import client_span, metadata
from tidegate.moderation.item import ContentItem
from tidegate.telemetry.names import SpanName


class AsyncTidegateClient:
    """Calls ModerationService. Belongs to one event loop; close it, or use it as an async context manager."""

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
            budget_ms: How long the decision may take; None means the server's default.
            explain: Adds how each rule came out.

        Raises:
            ModerationError: There is no decision.
        """
        request = request_of(item, idempotency_key=idempotency_key, budget_ms=budget_ms, explain=explain)
        with client_span(self._tracer, SpanName.CLIENT_MODERATE):
            attempt = 1
            while True:
                try:
                    response = await self._stub.Moderate(request, timeout=deadline_s(budget_ms), metadata=metadata())
                    return decision_of(response.decision)
                except grpc.RpcError as error:
                    if not self._retry.again(error, attempt):
                        raise ModerationError.from_rpc(error) from error
                    await asyncio.sleep(self._retry.delay_s(attempt))
                    attempt += 1

    async def moderate_stream(
        self,
        items: Iterable[KeyedItem],
        *,
        budget_ms: float | None = None,
        explain: bool = False,
    ) -> AsyncIterator[StreamResult]:
        """Decides on many items over one stream; results come in completion order.

        An item that fails is a result with an error, and so is every item that a broken stream left unanswered: its
        idempotency key makes it safe to send again.

        Args:
            items: Items with their idempotency keys (None makes a new one), read as fast as the service takes them.
            budget_ms: For each item.
            explain: Adds how each rule came out.
        """
        pending = Pending(items, self._tracer, budget_ms=budget_ms, explain=explain)
        call = self._stub.ModerateStream(pending.requests())
        try:
            async for response in call:
                yield pending.answered(response)
        except grpc.RpcError as error:
            for result in pending.broken(error):
                yield result
        finally:
            call.cancel()

    async def get_decision(self, decision_id: str, *, explain: bool = False) -> Decision:
        """A recorded decision.

        Raises:
            ModerationError: There is none (NOT_FOUND), or it can't be read.
        """
        request = pb.GetDecisionRequest(decision_id=decision_id, explain=explain)
        try:
            response = await self._stub.GetDecision(request, timeout=deadline_s(None))
            return decision_of(response.decision)
        except grpc.RpcError as error:
            raise ModerationError.from_rpc(error) from error

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
