"""Requests to the text stage, and the tracer that tests use."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tidegate.detectors.port import TextRequest
from tidegate.moderation.tracing import TraceContext

UNSAMPLED = TraceContext("1" * 32, "2" * 16, sampled=False)
SAMPLED = TraceContext("3" * 32, "4" * 16, sampled=True)


def asking(
    text: str, *, budget_ms: float = 10_000.0, trace: TraceContext = UNSAMPLED, detector: str = "text_harm"
) -> TextRequest:
    return TextRequest(text=text, detectors=(detector,), budget_ms=budget_ms, trace=trace)


def recording() -> tuple[TracerProvider, InMemorySpanExporter]:
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return provider, kept
