"""The items of one stream that have no answer yet: what to send next, what an answer means, what to send again.

No I/O, no threads, no lock: `blocking_stream` and `aio_stream` bring those, and both get the same behaviour from here.
"""

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from opentelemetry.trace import Span, Tracer

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client.decisions import decision_of
from tidegate.client.errors import ModerationError
from tidegate.client.items import new_key, request_of
from tidegate.client.retry import RetryPolicy
from tidegate.client.streaming import GivenItem, StreamResult
from tidegate.client.tracing import item_span, traceparent_of
from tidegate.moderation.item import ContentItem
from tidegate.telemetry.spans import mark_failed


@dataclass(slots=True)
class _Entry:
    """One item on its way."""

    item: ContentItem
    key: str
    message: pb.ModerateStreamRequest
    span: Span
    attempts: int = 0


class Outstanding:
    """Every item that goes in comes out once: as a decision, or as the error that is left after the last attempt.

    Sending an item again decides nothing twice, because it keeps its idempotency key. A service that stayed away for
    all attempts of one item gets one attempt for each further item until it answers: a long file would else wait out
    the whole outage again for each handful of its items.
    """

    def __init__(
        self,
        *,
        tracer: Tracer,
        above: Span,
        retry: RetryPolicy,
        budget: Duration | None,
        explain: bool,
        silence_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Holds nothing yet.

        Args:
            tracer: For the span of each item.
            above: The span in which the stream was opened.
            retry: On UNAVAILABLE, for each item.
            budget: Of each item.
            explain: Asks how each rule came out.
            silence_s: How long a stream that owes answers may give none.
            clock: Injected in tests.
        """
        self._tracer = tracer
        self._above = above
        self._retry = retry
        self._budget = budget
        self._explain = explain
        self._silence_s = silence_s
        self._clock = clock
        self._numbers = itertools.count(1)
        self._fresh: deque[_Entry] = deque()
        self._again: list[tuple[float, int, _Entry]] = []
        self._sent: dict[str, _Entry] = {}
        self._heard_s = clock()
        self._away = False
        self._ended = False

    @property
    def over(self) -> bool:
        """Whether no item is left and none will come."""
        return self._ended and not (self._fresh or self._again or self._sent)

    def admit(self, given: GivenItem) -> StreamResult | None:
        """Takes an item in; the result is there at once if it can't be sent at all."""
        item, key = given if isinstance(given, tuple) else (given, None)
        key = key or new_key()
        try:
            request = request_of(item, idempotency_key=key, budget=self._budget, explain=self._explain)
        except ModerationError as error:
            return StreamResult(item, key, None, error)
        span = item_span(self._tracer, self._above)
        message = pb.ModerateStreamRequest(
            correlation_id=str(next(self._numbers)), request=request, traceparent=traceparent_of(span)
        )
        self._fresh.append(_Entry(item, key, message, span))
        return None

    def end(self) -> None:
        """No more items come."""
        self._ended = True

    def next_message(self) -> pb.ModerateStreamRequest | None:
        """What to send now, if anything. It is owed an answer from here on."""
        entry = self._next_entry()
        if entry is None:
            return None
        if not self._sent:
            self._heard_s = self._clock()  # silence counts from the first question
        entry.attempts += 1
        self._sent[entry.message.correlation_id] = entry
        return entry.message

    def pause_s(self) -> float | None:
        """How long until there is something to send; None if nothing waits."""
        if self._fresh:
            return 0.0
        return max(0.0, self._again[0][0] - self._clock()) if self._again else None

    def answered(self, response: pb.ModerateStreamResponse) -> StreamResult | None:
        """The result that this response brings; None if its item is sent again."""
        self._heard_s = self._clock()
        entry = self._sent.pop(response.correlation_id, None)
        if entry is None:
            return None
        try:
            decision = decision_of(response.decision) if response.HasField("decision") else None
        except ModerationError as error:
            return self._failed(entry, error)
        if decision is None:
            return self._failed(entry, ModerationError.from_status(response.error))
        self._away = False
        entry.span.end()
        return StreamResult(entry.item, entry.key, decision, None)

    def broken(self, error: ModerationError) -> list[StreamResult]:
        """The call ended and owes answers: the results of the items that are not sent again."""
        entries = list(self._sent.values())
        self._sent.clear()
        return [result for entry in entries if (result := self._failed(entry, error)) is not None]

    def silent(self) -> ModerationError | None:
        """What to say of a call that owes answers and has given none for too long: as good as a broken connection.

        HAProxy holds a stream while the router behind it starts again, for longer than a caller would wait.
        """
        if not self._sent or self._clock() - self._heard_s <= self._silence_s:
            return None
        return ModerationError(grpc.StatusCode.UNAVAILABLE, f"no answer came for {self._silence_s:g} s")

    def abandon(self) -> None:
        """Nobody waits for the rest any more."""
        for entry in (*self._fresh, *self._sent.values(), *(entry for _, _, entry in self._again)):
            entry.span.end()
        self._fresh.clear()
        self._again.clear()
        self._sent.clear()
        self._ended = True

    def _next_entry(self) -> _Entry | None:
        if self._again and self._again[0][0] <= self._clock():
            return heapq.heappop(self._again)[2]
        return self._fresh.popleft() if self._fresh else None

    def _failed(self, entry: _Entry, error: ModerationError) -> StreamResult | None:
        if self._retry.again(error.code, entry.attempts) and not self._away:
            due_s = self._clock() + self._retry.delay_s(entry.attempts)
            heapq.heappush(self._again, (due_s, next(self._numbers), entry))
            return None
        self._away = error.code is grpc.StatusCode.UNAVAILABLE
        mark_failed(entry.span, error)
        entry.span.end()
        return StreamResult(entry.item, entry.key, None, error)
