"""One piece of work for many requests: the batch span, and its twin in the trace of every other request.

A span has one parent and one trace id, a batch has many requests. So:

- The batch span itself is a child of the *first sampled* request's span, and links to every sampled request's span.
  What happens inside (the online read, the inference call, Triton's own spans) lies beneath it, once.
- Every *other* sampled request gets a twin: one light span of the same name, with the batch's start, end and
  attributes, in its own trace beneath its own span, marked `tidegate.batch.shared` and linked to the batch span. So
  each trace shows that the stage took part and how long it took, in any OpenTelemetry backend; `tidegate trace`
  follows the twin's link and draws what lies beneath the batch span in place.
- A batch without a sampled request makes no span.

Costs: one span per sampled request and batch, whatever happens inside. Ours is one object for all of them: twins come
into being where the batch span is encoded (`otlp_spans.py`), as all but their ids is alike.
"""

from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import UNTRACED
from tidegate.telemetry.recorded_span import CarriedSpan
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.spans import SpanBlock


def batch_span(
    tracer: Recorder,
    name: SpanName,
    requests: Sequence[TraceContext],
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> SpanBlock:
    """The span of a stage's work on a batch, current within the block, so that `span` beneath it nests by itself.

    What is set on it is a fact about the whole batch, and the twins carry it too.

    Args:
        tracer: Of this process.
        name: The stage's.
        requests: Each request's parent span, as it came in the envelope; one request may appear more than once.
        kind: As for `span`.
        attributes: Known at the start; the size of the batch is added.
    """
    sampled = list(dict.fromkeys(request for request in requests if request.sampled))
    if not sampled:
        # Attached all the same: a batching loop's task may have inherited the context of some sampled request that
        # started it, and what runs in this batch must not be recorded there.
        return SpanBlock(CarriedSpan(requests[0] if requests else UNTRACED), Context())
    sizes: dict[str, AttributeValue] = {Attribute.BATCH_SIZE: len(requests), Attribute.BATCH_SAMPLED: len(sampled)}
    made = tracer.beneath(
        sampled[0],
        name,
        parent_is_remote=True,
        kind=kind,
        attributes={**sizes, **(attributes or {})},
        links=sampled,
        twins=sampled[1:],
    )
    return SpanBlock(made, Context())
