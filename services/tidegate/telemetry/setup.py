"""Tracing for one process: where its spans go and which of them are recorded."""

import atexit
import os

from grpc import StatusCode
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource

from tidegate.telemetry.export import ForgivingSender, OtlpSender, quieten_exporters
from tidegate.telemetry.instance import instance_id
from tidegate.telemetry.otlp_spans import Envelope
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.span_queue import SpanQueue

TRACER_NAME = "tidegate"
"""The instrumentation scope of all our spans."""


class Tracing:
    """A process's tracing. Whoever made it shuts it down."""

    def __init__(self, recorder: Recorder, queue: SpanQueue | None = None) -> None:
        """Takes over both: the queue is drained at the end.

        Args:
            recorder: What makes spans.
            queue: Where they wait to be sent; None if nothing is sent from here.
        """
        self.recorder = recorder
        self._queue = queue

    def force_flush(self) -> None:
        """Sends what is queued."""
        if self._queue:
            self._queue.force_flush()

    def shutdown(self) -> None:
        """Sends what is queued, within the bound, and closes the connection."""
        atexit.unregister(self.shutdown)
        if self._queue:
            self._queue.shutdown()


def configure_tracing(
    *,
    service_name: str,
    endpoint: str | None,
    root_ratio: float = 1.0,
    schedule_delay_ms: int = 500,
    export_timeout_ms: int = 3_000,
    flush_timeout_ms: int = 2_000,
    max_queue_size: int = 8_192,
) -> Tracing:
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
    if not endpoint:
        return Tracing(Recorder())
    quieten_exporters()
    resource = Resource.create(
        {SERVICE_NAME: str(service_name), SERVICE_INSTANCE_ID: instance_id(), "process.pid": os.getpid()}
    )
    sender = OtlpSender(
        endpoint,
        envelope=Envelope(resource.attributes, scope=TRACER_NAME),
        timeout_s=export_timeout_ms / 1000,
        retryable=(StatusCode.UNAVAILABLE,),
    )
    queue = SpanQueue(
        ForgivingSender(sender),
        schedule_delay_ms=schedule_delay_ms,
        max_spans=max_queue_size,
        flush_timeout_ms=flush_timeout_ms,
    )
    tracing = Tracing(Recorder(queue.take, root_ratio=root_ratio), queue)
    atexit.register(tracing.shutdown)  # a command that ends early has made spans too
    return tracing


def tracer_of(tracing: Tracing) -> Recorder:
    """The tracer that stages get through their constructors."""
    return tracing.recorder
