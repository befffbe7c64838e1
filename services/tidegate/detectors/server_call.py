"""One call to a model server: within what is left of the budget, and in a span that the server's own lie beneath."""

from collections.abc import Awaitable, Callable

import numpy as np
import numpy.typing as npt
from opentelemetry.trace import SpanKind, Tracer

from tidegate.detectors.inference import InferenceTimeoutError
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import header_if_sampled
from tidegate.telemetry.spans import span

Logits = npt.NDArray[np.float32]


async def called(
    spec: DetectorSpec,
    *,
    rows: int,
    budget: Budget,
    tracer: Tracer,
    call: Callable[[float, str | None], Awaitable[Logits]],
) -> Logits:
    """Returns what the server answers.

    Args:
        spec: Whose model is run.
        rows: How many the call has.
        budget: The call's deadline is what is left of it.
        tracer: Of this process.
        call: Calls, given the seconds that are left and the `traceparent` for the server, None if nothing is recorded.

    Raises:
        InferenceTimeoutError: Nothing is left, and nothing was called; or the server was too late.
        InferenceError: See `call`.
    """
    left_s = budget.left_s()
    if left_s <= 0:
        raise InferenceTimeoutError("nothing left of the budget")
    with span(
        tracer,
        SpanName.TRITON_INFER,
        kind=SpanKind.CLIENT,
        attributes={
            Attribute.DETECTOR_NAME: spec.name,
            Attribute.DETECTOR_VERSION: spec.version,
            Attribute.BATCH_SIZE: rows,
            Attribute.BUDGET_MS: left_s * 1000.0,
        },
    ) as made:
        return await call(left_s, header_if_sampled(made))
