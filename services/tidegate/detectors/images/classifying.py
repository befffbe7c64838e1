"""`image_unsafe`: frames → tensor → Triton → calibrated score of the highest frame."""

from functools import partial

from opentelemetry.trace import SpanKind, Tracer

from tidegate.detectors.images.decoding import DecodedImage
from tidegate.detectors.images.looking import Finding
from tidegate.detectors.images.places import PatientThreads, Places
from tidegate.detectors.images.preprocessing import unsafe_rows
from tidegate.detectors.inference import InferenceError, InferenceTimeoutError, TensorCall, TensorServer
from tidegate.detectors.scoring import scores_of
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import header_if_sampled
from tidegate.telemetry.spans import mark_failed, span


class FrameClassifier:
    """Scores images with a model on the server. Each image is a call of its own; the server joins those that wait."""

    def __init__(
        self,
        spec: DetectorSpec,
        *,
        server: TensorServer,
        threads: PatientThreads,
        calls_at_a_time: int,
        tracer: Tracer,
    ) -> None:
        """Wires it.

        Args:
            spec: The detector.
            server: Runs its model.
            threads: Where pixels become tensors.
            calls_at_a_time: Most calls in flight.
            tracer: Of this process.
        """
        self.spec = spec
        self._server = server
        self._threads = threads
        self._places = Places(calls_at_a_time)
        self._tracer = tracer

    async def prepare(self) -> None:
        """See `ImageDetector`."""
        await self._server.verify(self.spec)

    async def look(self, image: DecodedImage, budget: Budget) -> Finding:
        """See `ImageDetector`."""
        async with self._places.one(budget):
            rows = await self._threads.run(partial(unsafe_rows, image.frames), budget)
            left_s = budget.left_s()
            if left_s <= 0:
                raise InferenceTimeoutError("nothing left of the budget")
            with span(
                self._tracer,
                SpanName.TRITON_INFER,
                kind=SpanKind.CLIENT,
                attributes={
                    Attribute.DETECTOR_NAME: self.spec.name,
                    Attribute.DETECTOR_VERSION: self.spec.version,
                    Attribute.BATCH_SIZE: len(rows),
                    Attribute.BUDGET_MS: left_s * 1000.0,
                },
            ) as made:
                call = TensorCall(self.spec, (rows,), left_s, header_if_sampled(made))
                try:
                    logits = await self._server.infer(call)
                except InferenceError as error:
                    mark_failed(made, error)
                    raise
        return Finding(scores_of(self.spec, logits))
