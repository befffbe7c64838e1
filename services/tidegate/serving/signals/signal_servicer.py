"""SignalService: thin transport over the intake of events. Decode, delegate, encode."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import Span, Tracer

from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent, SignalIntake
from tidegate.moderation.errors import EventLogUnavailable, RouterStopping, TidegateError
from tidegate.moderation.tracing import TraceContext
from tidegate.serving.call_context import CallContext, refuse, traceparent_of
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.open_streams import OpenStreams
from tidegate.serving.signals.event_answers import MOST_TOLD_OF_STREAM, Tally
from tidegate.serving.signals.event_requests import event_of, require_events
from tidegate.serving.status import internal_status, status_of
from tidegate.serving.wire import Sized, Undecodable
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.otel_pressure import Ongoing
from tidegate.telemetry.propagation import current
from tidegate.telemetry.spans import entry_span

logger = logging.getLogger(__name__)

DECODED_AT_ONCE: Final = 100
"""Events decoded before other calls get a turn: about a millisecond of the event loop that decisions share."""

Request = Sized | Undecodable
_Outcome = RecordedEvent | RefusedEvent


class SignalServicer:
    """SignalService. Serves behind Ray Serve and in a plain `grpc.aio` server, like `ModerationServicer`."""

    def __init__(
        self, *, intake: SignalIntake, decoder: RequestDecoder, tracer: Tracer, streams: OpenStreams | None = None
    ) -> None:
        """Takes what it delegates to.

        Args:
            intake: Records events.
            decoder: Refuses what is too large or no message.
            tracer: For one span per call.
            streams: The router's, told when it stops; None if nobody tells them.
        """
        self._intake = intake
        self._decoder = decoder
        self._tracer = tracer
        self._streams = streams or OpenStreams()
        self._streamed = Ongoing()

    @property
    def ongoing(self) -> int:
        """Messages of streams that are being recorded: what a stream waits for is nothing to do."""
        return self._streamed.count

    async def record_events(self, request: Request, context: CallContext) -> pb.RecordEventsResponse:
        """Records the events of one message."""
        tally = Tally()
        with self._call(SpanName.RECORD_EVENTS, tally, context) as span:
            try:
                asked = self._decoder.opened(request).message
                assert isinstance(asked, pb.RecordEventsRequest)
                await self._record(asked, tally)
                return tally.response()
            except Exception as error:  # noqa: BLE001 - the boundary: nothing unexpected leaves the process
                _refuse(context, error, span)
                return pb.RecordEventsResponse()

    async def record_event_stream(
        self, requests: AsyncIterator[Request], context: CallContext
    ) -> pb.RecordEventStreamResponse:
        """Records the events of a stream, message after message, so that a slow log slows the sender."""
        tally = Tally(most_told=MOST_TOLD_OF_STREAM)
        with (
            self._call(SpanName.RECORD_EVENT_STREAM, tally, context) as span,
            self._streams.reading(requests) as reading,
        ):
            try:
                async for request in reading:
                    with self._streamed:
                        asked = self._decoder.opened(request).message
                        assert isinstance(asked, pb.RecordEventStreamRequest)
                        await self._record(asked, tally)
                if not reading.cut:
                    return tally.stream_response()
                _refuse(context, RouterStopping(), span)
                return pb.RecordEventStreamResponse()
            except Exception as error:  # noqa: BLE001 - the boundary: nothing unexpected leaves the process
                _refuse(context, error, span)
                return pb.RecordEventStreamResponse()

    async def _record(self, asked: pb.RecordEventsRequest | pb.RecordEventStreamRequest, tally: Tally) -> None:
        require_events(len(asked.events))
        decoded = [each async for each in _decoded(asked.events)]
        events = [each for each in decoded if isinstance(each, AccountEvent)]
        recorded = await self._recorded(events, backfill=asked.backfill)
        outcomes = [next(recorded) if isinstance(each, AccountEvent) else each for each in decoded]
        tally.add(asked.events, outcomes)

    async def _recorded(self, events: list[AccountEvent], *, backfill: bool) -> Iterator[_Outcome]:
        if not events:
            return iter(())
        try:
            return iter(await self._intake.record(events, backfill=backfill))
        except EventLogUnavailableError as error:
            raise EventLogUnavailable from error

    @contextmanager
    def _call(self, name: SpanName, tally: Tally, context: CallContext) -> Iterator[Span]:
        with entry_span(self._tracer, name, caller=TraceContext.parse(traceparent_of(context))) as span:
            try:
                yield span
            finally:
                span.set_attributes(
                    {
                        Attribute.EVENT_COUNT: tally.seen,
                        Attribute.EVENT_REPEATED: tally.repeated,
                        Attribute.EVENT_REFUSED: tally.refused_by_reason.total(),
                    }
                )


async def _decoded(messages: Iterable[pb.AccountEvent]) -> AsyncIterator[AccountEvent | RefusedEvent]:
    for place, message in enumerate(messages):
        if place % DECODED_AT_ONCE == DECODED_AT_ONCE - 1:
            await asyncio.sleep(0)
        yield event_of(message)


def _refuse(context: CallContext, error: Exception, span: Span) -> None:
    if isinstance(error, TidegateError):
        span.set_attribute(Attribute.REASON, error.reason)
        refuse(context, status_of(error))
        return
    trace_id = current(span).trace_id
    logger.error("recording events failed, trace %s", trace_id, exc_info=error)
    refuse(context, internal_status(trace_id))
