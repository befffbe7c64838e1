"""One piece of work for many requests: the batch span, and its twin in the trace of every other request.

A span has one parent and one trace id, a batch has many requests. So:

- The batch span itself is a child of the *first sampled* request's span, and links to every sampled request's span.
  What happens inside (the online read, the inference call, Triton's own spans) lies beneath it, once.
- Every *other* sampled request gets a twin: one light span of the same name, with the batch's start, end and
  attributes, in its own trace beneath its own span, marked `tidegate.batch.shared` and linked to the batch span. So
  each trace shows that the stage took part and how long it took, in any OpenTelemetry backend; `tidegate trace`
  follows the twin's link and draws what lies beneath the batch span in place.
- A batch without a sampled request makes no span.

Costs: one span per sampled request and batch, whatever happens inside.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import UNTRACED, remote_parent, span_context
from tidegate.telemetry.spans import ERROR_TYPE, mark_failed


class BatchSpan:
    """The span of a batch while it runs. Not recording if no request of the batch is sampled."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.attributes: dict[str, AttributeValue] = {}

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Facts about the whole batch; the twins carry them too."""
        if self.span.is_recording():
            self.span.set_attributes(attributes)
            self.attributes.update(attributes)


@contextmanager
def batch_span(
    tracer: Tracer,
    name: SpanName,
    requests: Sequence[TraceContext],
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[BatchSpan]:
    """The span of a stage's work on a batch, current within the block, so that `span` beneath it nests by itself.

    Args:
        tracer: Of this process's provider.
        name: The stage's.
        requests: Each request's parent span, as it came in the envelope; one request may appear more than once.
        kind: As for `span`.
        attributes: Known at the start; the size of the batch is added.
    """
    sampled = list(dict.fromkeys(request for request in requests if request.sampled))
    if not sampled:
        with _unrecorded(requests[0] if requests else UNTRACED) as batch:
            yield batch
        return
    started_ns = time.time_ns()
    context = remote_parent(sampled[0])
    links = [Link(span_context(request)) for request in sampled]
    batch = BatchSpan(tracer.start_span(name, context=context, kind=kind, links=links, start_time=started_ns))
    sizes: dict[str, AttributeValue] = {Attribute.BATCH_SIZE: len(requests), Attribute.BATCH_SAMPLED: len(sampled)}
    batch.set_attributes({**sizes, **(attributes or {})})
    token = otel_context.attach(set_span_in_context(batch.span, context))
    failure: BaseException | None = None
    try:
        yield batch
    except BaseException as error:  # a cancelled batch is a failed batch
        failure = error
        mark_failed(batch.span, error)
        raise
    finally:
        otel_context.detach(token)
        ended_ns = time.time_ns()
        batch.span.end(ended_ns)
        for request in sampled[1:]:
            _twin(tracer, name, request, batch, kind=kind, started_ns=started_ns, ended_ns=ended_ns, failure=failure)


@contextmanager
def _unrecorded(stand_in: TraceContext) -> Iterator[BatchSpan]:
    # Attached all the same: a batching loop's task may have inherited the context of some sampled request that started
    # it, and what runs in this batch must not be recorded there.
    batch = BatchSpan(NonRecordingSpan(span_context(stand_in)))
    token = otel_context.attach(remote_parent(stand_in))
    try:
        yield batch
    finally:
        otel_context.detach(token)


def _twin(
    tracer: Tracer,
    name: SpanName,
    request: TraceContext,
    batch: BatchSpan,
    *,
    kind: SpanKind,
    started_ns: int,
    ended_ns: int,
    failure: BaseException | None,
) -> None:
    twin = tracer.start_span(
        name,
        context=remote_parent(request),
        kind=kind,
        links=[Link(batch.span.get_span_context())],
        attributes={**batch.attributes, Attribute.BATCH_SHARED: True},
        start_time=started_ns,
    )
    if failure is not None:
        twin.set_status(Status(StatusCode.ERROR))
        twin.set_attribute(ERROR_TYPE, type(failure).__name__)
    twin.end(ended_ns)
