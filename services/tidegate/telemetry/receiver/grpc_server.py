"""OTLP over gRPC. Logs are accepted and dropped: an exporter configured for all three signals stays content.

Requests are taken as bytes and parsed here, because gRPC would answer bytes that it can't parse with INTERNAL, which
an exporter may take for our fault and send again.
"""

from collections.abc import Awaitable, Callable

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from tidegate.telemetry.receiver.intake import IntakeUnavailable, SpanIntake
from tidegate.telemetry.receiver.otlp_metrics import parse_metrics_protobuf
from tidegate.telemetry.receiver.otlp_protobuf import parse_protobuf
from tidegate.telemetry.receiver.payload import MAX_MESSAGE_BYTES, MalformedPayload
from tidegate.telemetry.receiver.series import SeriesBoard

_COLLECTOR = "opentelemetry.proto.collector"
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Without this a second receiver on the same port would start, and the two would share the spans.
    ("grpc.so_reuseport", 0),
)

RawContext = grpc.aio.ServicerContext[bytes, bytes]


def grpc_server(intake: SpanIntake, board: SeriesBoard) -> grpc.aio.Server:
    """A server with the three services, neither bound nor started."""

    async def take_traces(request: bytes, context: RawContext) -> bytes:
        try:
            payload = parse_protobuf(request)
            await intake.take(payload.spans)
        except MalformedPayload as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except IntakeUnavailable:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the span store is busy or can't be written")
        return answer(payload.rejected).SerializeToString()

    async def take_metrics(request: bytes, context: RawContext) -> bytes:
        try:
            payload = parse_metrics_protobuf(request)
        except MalformedPayload as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return metrics_answer(board.take(payload.points, malformed=payload.rejected)).SerializeToString()

    async def drop(request: bytes, context: RawContext) -> bytes:
        del request, context
        return b""  # the answer for logs is a message whose fields are all optional

    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers(
        (
            _export(f"{_COLLECTOR}.trace.v1.TraceService", take_traces),
            _export(f"{_COLLECTOR}.metrics.v1.MetricsService", take_metrics),
            _export(f"{_COLLECTOR}.logs.v1.LogsService", drop),
        )
    )
    return server


def answer(rejected: int) -> ExportTraceServiceResponse:
    """OTLP's answer, with the number of spans that couldn't be stored."""
    if not rejected:
        return ExportTraceServiceResponse()
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message="invalid ids or times")
    return ExportTraceServiceResponse(partial_success=partial)


def metrics_answer(rejected: int) -> ExportMetricsServiceResponse:
    """OTLP's answer, with the number of data points that are not shown."""
    if not rejected:
        return ExportMetricsServiceResponse()
    message = "send cumulative sums, gauges or histograms with explicit buckets, and fewer series"
    partial = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    return ExportMetricsServiceResponse(partial_success=partial)


def _export(service: str, method: Callable[[bytes, RawContext], Awaitable[bytes]]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(method)})
