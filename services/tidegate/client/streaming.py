"""What both clients' streams share: requests on their way, and results."""

import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import grpc
from opentelemetry.trace import Span, Tracer

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client.decisions import Decision, decision_of
from tidegate.client.errors import ModerationError
from tidegate.client.items import request_of
from tidegate.client.tracing import started_span, traceparent_of
from tidegate.moderation.item import ContentItem

KeyedItem = tuple[ContentItem, str | None]
"""An item with its idempotency key; None makes a new one."""


@dataclass(frozen=True, slots=True)
class StreamResult:
    """The answer to one item of a stream: exactly one of `decision` and `error` is set."""

    item: ContentItem
    """The item."""
    idempotency_key: str
    """The key it was sent with: the one to use when sending it again."""
    decision: Decision | None
    """The decision."""
    error: ModerationError | None
    """Why there is none."""


class Pending:
    """Items sent and not answered yet. When a stream breaks, what is left here is answered with the error.

    gRPC reads the requests on a thread of its own. Taking an item and remembering it is one step under a lock, so that
    no item falls between a stream that broke and the next one over the same source.
    """

    def __init__(self, items: Iterable[KeyedItem], tracer: Tracer, *, budget_ms: float | None, explain: bool) -> None:
        self._source = iter(items)
        self._tracer = tracer
        self._budget_ms = budget_ms
        self._explain = explain
        self._lock = threading.Lock()
        self._closed = False
        self._sent: dict[str, tuple[ContentItem, str, Span]] = {}

    def requests(self) -> Iterator[pb.ModerateStreamRequest]:
        """The messages, each remembered until it is answered. An item's span is open as long."""
        while (request := self._next()) is not None:
            yield request

    def answered(self, response: pb.ModerateStreamResponse) -> StreamResult:
        """The result for the item that this response answers."""
        item, key, span = self._sent.pop(response.correlation_id)
        span.end()
        if response.HasField("decision"):
            return StreamResult(item, key, decision_of(response.decision), None)
        return StreamResult(item, key, None, ModerationError.from_status(response.error))

    def broken(self, error: grpc.RpcError) -> Iterator[StreamResult]:
        """A result for every item that the stream took and never answered; it takes no more."""
        with self._lock:
            self._closed = True
            left = list(self._sent.values())
            self._sent.clear()
        for item, key, span in left:
            span.end()
            yield StreamResult(item, key, None, ModerationError.from_rpc(error))

    def _next(self) -> pb.ModerateStreamRequest | None:
        with self._lock:
            taken = None if self._closed else next(self._source, None)
            if taken is None:
                return None
            item, key = taken
            request = request_of(item, idempotency_key=key, budget_ms=self._budget_ms, explain=self._explain)
            correlation_id, span = uuid.uuid4().hex, started_span(self._tracer)
            self._sent[correlation_id] = (item, request.idempotency_key, span)
        return pb.ModerateStreamRequest(
            correlation_id=correlation_id, request=request, traceparent=traceparent_of(span)
        )
