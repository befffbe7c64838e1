"""Our trace context and OpenTelemetry's say the same."""

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.trace import INVALID_SPAN, get_current_span

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.propagation import UNTRACED, current, header_if_sampled, remote_parent

SAMPLED = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
UNSAMPLED = TraceContext("0bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b8", sampled=False)


@pytest.mark.parametrize("context", [SAMPLED, UNSAMPLED, UNTRACED])
def test_a_context_survives_the_way_into_opentelemetry_and_back(context: TraceContext) -> None:
    assert current(get_current_span(remote_parent(context))) == context


def test_without_an_argument_the_current_span_counts() -> None:
    token = attach(remote_parent(SAMPLED))
    try:
        assert current() == SAMPLED
    finally:
        detach(token)


def test_no_span_is_untraced_and_untraced_is_a_valid_unsampled_context() -> None:
    assert current(INVALID_SPAN) == UNTRACED
    assert TraceContext.parse(UNTRACED.traceparent()) == UNTRACED
    assert not UNTRACED.sampled


def test_the_header_is_only_given_for_sampled_spans() -> None:
    assert header_if_sampled(get_current_span(remote_parent(SAMPLED))) == SAMPLED.traceparent()
    assert header_if_sampled(get_current_span(remote_parent(UNSAMPLED))) is None
