"""Requests to the text stage, and the tracer that tests use."""

from tests.telemetry.kept_spans import KeptSpans
from tidegate.detectors.port import TextRequest
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.recorder import Recorder

UNSAMPLED = TraceContext("1" * 32, "2" * 16, sampled=False)
SAMPLED = TraceContext("3" * 32, "4" * 16, sampled=True)


def asking(
    text: str, *, budget_ms: float = 10_000.0, trace: TraceContext = UNSAMPLED, detector: str = "text_harm"
) -> TextRequest:
    return TextRequest(text=text, detectors=(detector,), budget_ms=budget_ms, trace=trace)


def recording() -> tuple[Recorder, KeptSpans]:
    kept = KeptSpans()
    return kept.recorder, kept
