"""One trace from the application through the client to the service, with the application's own sampled flag."""

from collections.abc import Iterator

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import SpanKind, StatusCode, Tracer, format_trace_id

from tests.client.background_server import running
from tests.client.sample_items import comment, comments
from tests.client.scripted_service import ScriptedService, scripted
from tests.client.traced_text import TracedText
from tests.client.waiting import client_threads, eventually
from tests.serving.in_process import Served
from tidegate.client import AsyncTidegateClient, ModerationError, TidegateClient


class _Counting(SpanProcessor):
    """Counts the spans that are started, ended or not."""

    started = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.started += 1


class Application:
    """An application that traces."""

    def __init__(self, sampler: Sampler) -> None:
        self._exporter = InMemorySpanExporter()
        self._counting = _Counting()
        provider = TracerProvider(sampler=ParentBased(sampler))
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        provider.add_span_processor(self._counting)
        self.tracer: Tracer = provider.get_tracer("application")

    @property
    def started(self) -> int:
        return self._counting.started

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def text() -> TracedText:
    return TracedText()


@pytest.fixture
def served(text: TracedText) -> Iterator[Served]:
    with running(text=text) as server:
        yield server


async def test_the_decision_is_made_in_the_applications_own_trace(served: Served, text: TracedText) -> None:
    application = Application(ALWAYS_ON)
    with application.tracer.start_as_current_span("upload") as upload:
        with TidegateClient(served.address, tracer=application.tracer) as client:
            blocking = client.moderate(comment())
        async with AsyncTidegateClient(served.address, tracer=application.tracer) as other:
            asynchronous = await other.moderate(comment())
    trace_id = format_trace_id(upload.get_span_context().trace_id)
    assert blocking.trace_id == asynchronous.trace_id == trace_id
    assert [(context.trace_id, context.sampled) for context in text.arrived] == [(trace_id, True)] * 2
    made = application.spans("tidegate.client.Moderate")
    assert [(span.kind, span.parent and span.parent.span_id) for span in made] == [
        (SpanKind.CLIENT, upload.get_span_context().span_id)
    ] * 2


def test_the_clients_span_is_the_services_parent() -> None:
    application = Application(ALWAYS_ON)
    service = ScriptedService()
    with scripted(service) as address, TidegateClient(address, tracer=application.tracer) as client:
        client.moderate(comment())
    (span,) = application.spans("tidegate.client.Moderate")
    identity = span.get_span_context()
    assert identity is not None
    expected = f"00-{identity.trace_id:032x}-{identity.span_id:016x}-01"
    assert service.metadata[0]["traceparent"] == expected


async def test_an_unsampled_application_makes_no_span_anywhere_and_its_trace_id_is_kept(
    served: Served, text: TracedText
) -> None:
    application = Application(ALWAYS_OFF)
    with application.tracer.start_as_current_span("upload") as upload:
        with TidegateClient(served.address, tracer=application.tracer) as client:
            decision = client.moderate(comment())
            streamed = [result.decision.trace_id for result in client.moderate_stream(comments(3)) if result.decision]
        async with AsyncTidegateClient(served.address, tracer=application.tracer) as other:
            async for result in other.moderate_stream(comments(3)):
                assert result.decision is not None
                streamed.append(result.decision.trace_id)
    trace_id = format_trace_id(upload.get_span_context().trace_id)
    assert decision.trace_id == trace_id
    assert streamed == [trace_id] * 6
    assert {context.sampled for context in text.arrived} == {False}
    assert not application.spans("tidegate.client.Moderate")
    assert not application.spans("tidegate.client.ModerateStream")


async def test_each_item_of_a_stream_is_a_trace_of_its_own_linked_to_where_the_stream_was_opened(
    served: Served, text: TracedText
) -> None:
    application = Application(ALWAYS_ON)
    with application.tracer.start_as_current_span("import") as importing:
        with TidegateClient(served.address, tracer=application.tracer) as client:
            results = list(client.moderate_stream(comments(5)))
        async with AsyncTidegateClient(served.address, tracer=application.tracer) as other:
            results += [result async for result in other.moderate_stream(comments(5))]
    spans = application.spans("tidegate.client.ModerateStream")
    own = {format_trace_id(span.get_span_context().trace_id) for span in spans}  # type: ignore[union-attr]  # finished
    assert len(own) == len(spans) == 10
    assert own == {result.decision.trace_id for result in results if result.decision}
    assert own == {context.trace_id for context in text.arrived}
    assert {context.sampled for context in text.arrived} == {True}
    assert [[link.context.span_id for link in span.links] for span in spans] == [
        [importing.get_span_context().span_id]
    ] * 10


def test_an_application_that_does_not_trace_sends_no_traceparent() -> None:
    service = ScriptedService()
    with scripted(service) as address, TidegateClient(address) as client:
        client.moderate(comment())
    assert "traceparent" not in service.metadata[0]


def test_a_refusal_fails_the_span_without_its_words(served: Served) -> None:
    application = Application(ALWAYS_ON)
    with TidegateClient(served.address, tracer=application.tracer) as client:
        with pytest.raises(ModerationError):
            client.moderate(comment(text=" "))
        (result,) = client.moderate_stream([comment(text=" ")])
    assert result.error is not None
    for name in ("tidegate.client.Moderate", "tidegate.client.ModerateStream"):
        (span,) = application.spans(name)
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes == {"error.type": "ModerationError"}
        assert not span.events


def test_a_stream_that_is_left_early_ends_the_spans_of_what_it_leaves(served: Served) -> None:
    application = Application(ALWAYS_ON)
    with TidegateClient(served.address, tracer=application.tracer) as client:
        results = client.moderate_stream(comments(1_000_000))
        next(results)
        results.close()
        assert eventually(lambda: not client_threads())
    assert application.started == len(application.spans("tidegate.client.ModerateStream")) > 1
