"""Steps 1 and 6, ingress and reply: thin transport over the pipeline. Decode, delegate, encode.

The same class serves behind Ray Serve and in a plain `grpc.aio` server: both contexts know `invocation_metadata`,
`set_code`, `set_details` and `set_trailing_metadata`. An error is set on the context and an empty message returned,
since Serve puts the stack trace of an exception that leaves user code into the status.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import grpc
from google.rpc import status_pb2
from opentelemetry.trace import Span, Tracer

from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.budget import Budget
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import (
    DecisionNotFound,
    FieldViolation,
    InvalidRequest,
    LedgerUnavailable,
    RouterStopping,
    TidegateError,
)
from tidegate.moderation.item import ContentItem
from tidegate.moderation.tracing import TraceContext
from tidegate.pipeline.archive import PolicyArchive
from tidegate.pipeline.moderate import Decided, ModerationCall, ModerationPipeline
from tidegate.serving import encode
from tidegate.serving.admission import Admission, Place
from tidegate.serving.call_context import CODES, CallContext, left_s, refuse, traceparent_of
from tidegate.serving.decode import MAX_KEY, RequestDecoder, has_images
from tidegate.serving.fanout import completed
from tidegate.serving.open_streams import OpenStreams
from tidegate.serving.status import internal_status, status_of
from tidegate.serving.wire import Sized, Undecodable
from tidegate.telemetry.measures import CANCELLED, INTERNAL, ModerationMetrics
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import current
from tidegate.telemetry.spans import entry_span

logger = logging.getLogger(__name__)

_Admit = Callable[[Budget], AbstractAsyncContextManager[Place | None]]
"""What to enter before the work on an item whose budget runs."""


class ModerationServicer:
    """ModerationService over the pipeline."""

    def __init__(
        self,
        *,
        pipeline: ModerationPipeline,
        ledger: DecisionLedger,
        archive: PolicyArchive,
        decoder: RequestDecoder,
        tracer: Tracer,
        metrics: ModerationMetrics,
        admission: Admission,
        streams: OpenStreams,
        stream_in_flight: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline = pipeline
        self._ledger = ledger
        self._archive = archive
        self._decoder = decoder
        self._tracer = tracer
        self._metrics = metrics
        self._admission = admission
        self._streams = streams
        self._clock = clock
        self._stream_in_flight = stream_in_flight

    @property
    def ongoing(self) -> int:
        """See `Admission.ongoing`."""
        return self._admission.ongoing

    async def moderate(self, request: Sized | Undecodable, context: CallContext) -> pb.ModerateResponse:
        """Decides on one item."""
        response = pb.ModerateResponse()
        refused = await self._decided(
            request,
            traceparent_of(context),
            within_s=left_s(context),
            admit=self._admission.unary,
            into=response.decision,
        )
        if refused is None:
            return response
        refuse(context, refused)
        return pb.ModerateResponse()

    async def moderate_stream(
        self, requests: AsyncIterator[Sized | Undecodable], context: CallContext
    ) -> AsyncIterator[pb.ModerateStreamResponse]:
        """Decides on a stream of items, in completion order, with a bounded number under way."""
        with self._streams.reading(requests) as reading:
            async for response in completed(reading, self._stream_item, in_flight=self._stream_in_flight):
                yield response
            if reading.cut:
                refuse(context, status_of(RouterStopping()))

    async def get_decision(self, request: Sized | Undecodable, context: CallContext) -> pb.GetDecisionResponse:
        """Returns a recorded decision."""
        response = pb.GetDecisionResponse()
        try:
            await self._find(request, into=response.decision)
        except TidegateError as error:
            refuse(context, status_of(error))
        except Exception:  # the boundary: nothing unexpected leaves the process
            logger.exception("get_decision failed")
            refuse(context, internal_status(""))
        else:
            return response
        return pb.GetDecisionResponse()

    async def _find(self, request: Sized | Undecodable, *, into: decision_pb2.Decision) -> None:
        asked = self._decoder.opened(request).message
        assert isinstance(asked, pb.GetDecisionRequest)
        if not asked.decision_id:
            raise InvalidRequest([FieldViolation("decision_id", "must not be empty")])
        record = await self._ledger.get(asked.decision_id)
        if record is None:
            raise DecisionNotFound(await self._why_missing(asked.decision_id))
        await self._encode(record, explain=asked.explain, into=into)

    async def _why_missing(self, decision_id: str) -> str:
        """Retention may have removed it. Where that can't be read, there is no such decision all the same."""
        try:
            removal = await self._ledger.removal_of(decision_id)
        except LedgerUnavailable:
            return ""
        if removal is None:
            return ""
        return f"decisions of {removal.day} (UTC), the day that the id tells, were {removal.told()}"

    async def _stream_item(self, request: Sized | Undecodable) -> pb.ModerateStreamResponse:
        if isinstance(request, Undecodable):
            return await self._streamed("", request, "")
        message = request.message
        assert isinstance(message, pb.ModerateStreamRequest)
        if not 1 <= len(message.correlation_id) <= MAX_KEY:
            wrong = FieldViolation("correlation_id", f"must have 1 to {MAX_KEY} characters")
            refused = status_of(InvalidRequest([wrong]))
            return pb.ModerateStreamResponse(correlation_id=message.correlation_id[:MAX_KEY], error=refused)
        item = Sized(message.request, request.size_bytes)
        return await self._streamed(message.correlation_id, item, message.traceparent)

    async def _streamed(
        self, correlation_id: str, request: Sized | Undecodable, traceparent: str
    ) -> pb.ModerateStreamResponse:
        response = pb.ModerateStreamResponse(correlation_id=correlation_id)
        async with self._admission.streamed():
            refused = await self._decided(request, traceparent, within_s=None, admit=_admitted, into=response.decision)
        if refused is None:
            return response
        return pb.ModerateStreamResponse(correlation_id=correlation_id, error=refused)

    async def _decided(
        self,
        request: Sized | Undecodable,
        traceparent: str,
        *,
        within_s: float | None,
        admit: _Admit,
        into: decision_pb2.Decision,
    ) -> status_pb2.Status | None:
        """Fills in the decision; returns why there is none if there is none, and `into` is of no use then."""
        caller = TraceContext.parse(traceparent)
        with entry_span(self._tracer, SpanName.MODERATE, caller=caller) as span:
            trace = current(span)
            try:
                await self._moderate(request, span, trace, within_s=within_s, admit=admit, into=into)
            except TidegateError as error:
                span.set_attribute(Attribute.REASON, error.reason)
                status = status_of(error)
                self._metrics.refused(error.reason, code=CODES[status.code].name)
                return status
            except Exception:  # the boundary: nothing unexpected leaves the process
                logger.exception("moderate failed, trace %s", trace.trace_id)
                self._metrics.refused(INTERNAL, code=grpc.StatusCode.INTERNAL.name)
                return internal_status(trace.trace_id)
            except asyncio.CancelledError:
                self._metrics.refused(CANCELLED, code=grpc.StatusCode.CANCELLED.name)
                raise
            return None

    async def _moderate(
        self,
        request: Sized | Undecodable,
        span: Span,
        trace: TraceContext,
        *,
        within_s: float | None,
        admit: _Admit,
        into: decision_pb2.Decision,
    ) -> None:
        begun_s = self._clock()
        message = self._decoder.opened(request).message
        assert isinstance(message, pb.ModerateRequest)
        asked_ms = self._decoder.budget_ms(message)
        # Past its deadline nobody reads the answer; the wait before this line counts, though no queue of ours saw it.
        budget = Budget.of_ms(asked_ms if within_s is None else min(asked_ms, within_s * 1000.0))
        async with admit(budget) as place:
            waited_s = self._clock() - begun_s
            item = await self._item(message)
            call = ModerationCall(
                item=item,
                budget=budget,
                trace=trace,
                idempotency_key=message.idempotency_key,
                explain=message.explain,
            )
            decided = await self._pipeline.moderate(call)
            if place is not None:
                place.late = not decided.from_idempotency_key and decided.record.inputs.lack_what_was_late
        _describe(span, item, decided)
        record, repeated = decided.record, decided.from_idempotency_key
        await self._encode(record, explain=message.explain, from_idempotency_key=repeated, into=into)
        self._metrics.decided(
            record,
            duration_s=self._clock() - begun_s,
            repeated=repeated,
            hops_ms={"admission": waited_s * 1000.0, **decided.hops_ms},
            failed_open=decided.failed_open,
            trace=trace,
        )

    async def _item(self, message: pb.ModerateRequest) -> ContentItem:
        if has_images(message):
            return await asyncio.to_thread(self._decoder.item, message)
        return self._decoder.item(message)

    async def _encode(
        self, record: DecisionRecord, *, explain: bool, into: decision_pb2.Decision, from_idempotency_key: bool = False
    ) -> None:
        evaluations = await self._archive.explain(record) if explain else None
        encode.decision(record, evaluations=evaluations, from_idempotency_key=from_idempotency_key, into=into)


def _admitted(_budget: Budget) -> AbstractAsyncContextManager[None]:
    """For an item of a stream, which has its place already."""
    return nullcontext()


def _describe(span: Span, item: ContentItem, decided: Decided) -> None:
    if not span.is_recording():
        return
    record = decided.record
    span.set_attributes(
        {
            Attribute.SURFACE: item.surface,
            Attribute.MARKET: item.market,
            Attribute.SOURCE: item.source,
            Attribute.PART_COUNT: len(item.parts),
            Attribute.ACTION: record.action,
            Attribute.COMPLETENESS: record.completeness,
            Attribute.POLICY_DIGEST: record.policy.digest,
            Attribute.DECISION_REPEATED: decided.from_idempotency_key,
        }
    )
