"""A process's tracing: what is recorded, and that a missing receiver costs nothing but spans."""

import logging

import pytest
from opentelemetry import trace as otel_trace

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import ServiceName, SpanName
from tidegate.telemetry.propagation import current
from tidegate.telemetry.setup import configure_tracing, tracer_of
from tidegate.telemetry.spans import entry_span

NOWHERE = "http://127.0.0.1:9"
SAMPLED = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
UNSAMPLED = TraceContext("0bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b8", sampled=False)


@pytest.mark.parametrize(
    ("endpoint", "root_ratio", "caller", "sampled"),
    [
        (NOWHERE, 1.0, None, True),
        (NOWHERE, 0.0, None, False),
        (NOWHERE, 0.0, SAMPLED, True),
        (NOWHERE, 1.0, UNSAMPLED, False),
        (None, 1.0, None, False),
        (None, 1.0, SAMPLED, True),
        (None, 1.0, UNSAMPLED, False),
    ],
)
def test_the_callers_flag_is_kept_and_only_new_traces_roll_the_dice(
    endpoint: str | None, root_ratio: float, caller: TraceContext | None, *, sampled: bool
) -> None:
    provider = configure_tracing(
        service_name=ServiceName.ROUTER,
        endpoint=endpoint,
        root_ratio=root_ratio,
        flush_timeout_ms=1,
        export_timeout_ms=1,
    )
    with entry_span(tracer_of(provider), SpanName.MODERATE, caller=caller) as entry:
        assert current(entry).sampled is sampled
        assert caller is None or current(entry).trace_id == caller.trace_id
    provider.shutdown()


def test_no_global_is_touched() -> None:
    before = otel_trace.get_tracer_provider()
    configure_tracing(service_name=ServiceName.ROUTER, endpoint=None).shutdown()
    assert otel_trace.get_tracer_provider() is before


@pytest.mark.timeout(20)
def test_without_a_receiver_spans_are_lost_with_one_line_and_shutdown_ends(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing listens on the discard port; the SDK alone would log every attempt and wait up to 30 s."""
    caplog.set_level(logging.WARNING)
    provider = configure_tracing(
        service_name=ServiceName.ROUTER,
        endpoint=NOWHERE,
        schedule_delay_ms=20,
        export_timeout_ms=200,
        flush_timeout_ms=300,
    )
    tracer = tracer_of(provider)
    for _ in range(3):
        for _ in range(50):
            with entry_span(tracer, SpanName.MODERATE, caller=None):
                pass
        provider.force_flush()
    provider.shutdown()
    assert [record.message for record in caplog.records] == ["trace_export_failed"]
