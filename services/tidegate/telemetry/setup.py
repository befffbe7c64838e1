"""Tracing for one process: where its spans go and which of them are recorded."""

import os

from grpc import StatusCode
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from tidegate.telemetry.export import BoundedBatchSpanProcessor, ForgivingExporter, quieten_exporters
from tidegate.telemetry.instance import instance_id

TRACER_NAME = "tidegate"
"""The instrumentation scope of all our spans."""


def configure_tracing(
    *,
    service_name: str,
    endpoint: str | None,
    root_ratio: float = 1.0,
    schedule_delay_ms: int = 500,
    export_timeout_ms: int = 3_000,
    flush_timeout_ms: int = 2_000,
    max_queue_size: int = 8_192,
) -> TracerProvider:
    """Tracing for this process. Touches no OpenTelemetry global; whoever made it calls `shutdown()` at the end.

    The sampling dice are rolled for a trace that begins here, never for one that a caller began: the caller's sampled
    flag is kept. Nothing is connected before the first span is sent, and an endpoint that is away costs spans only.

    Args:
        service_name: A `ServiceName`.
        endpoint: OTLP over gRPC, `http://host:port` without and `https://host:port` with TLS. None records nothing of
            its own accord, and still hands a caller's flag on.
        root_ratio: Share of the traces begun here that are recorded, 0 to 1.
        schedule_delay_ms: How long spans gather before they are sent.
        export_timeout_ms: For one sending, retries included.
        flush_timeout_ms: How long `shutdown()` goes on sending what is queued; one sending may be on its way besides.
        max_queue_size: Spans held; beyond this the oldest are dropped.
    """
    root = TraceIdRatioBased(root_ratio) if endpoint else ALWAYS_OFF
    resource = Resource.create(
        {SERVICE_NAME: str(service_name), SERVICE_INSTANCE_ID: instance_id(), "process.pid": os.getpid()}
    )
    provider = TracerProvider(sampler=ParentBased(root), resource=resource)
    if endpoint:
        quieten_exporters()
        exporter = OTLPSpanExporter(
            endpoint=endpoint,
            insecure=not endpoint.startswith("https://"),
            timeout=export_timeout_ms / 1000,
            retryable_error_codes=(StatusCode.UNAVAILABLE,),
        )
        provider.add_span_processor(
            BoundedBatchSpanProcessor(
                ForgivingExporter(exporter),
                schedule_delay_ms=schedule_delay_ms,
                max_queue_size=max_queue_size,
                flush_timeout_ms=flush_timeout_ms,
            )
        )
    return provider


def tracer_of(provider: TracerProvider) -> Tracer:
    """The tracer that stages get through their constructors."""
    return provider.get_tracer(TRACER_NAME)
