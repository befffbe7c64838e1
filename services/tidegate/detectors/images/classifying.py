"""`image_unsafe`: frames → tensor → Triton → calibrated score of the highest frame."""

from functools import partial

from opentelemetry.trace import Tracer

from tidegate.detectors.images.decoding import DecodedImage
from tidegate.detectors.images.looking import Finding
from tidegate.detectors.images.places import PatientThreads, Places
from tidegate.detectors.images.preprocessing import unsafe_rows
from tidegate.detectors.inference import TensorCall, TensorServer
from tidegate.detectors.scoring import scores_of
from tidegate.detectors.server_call import called
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget


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
            logits = await called(
                self.spec,
                rows=len(rows),
                budget=budget,
                tracer=self._tracer,
                call=lambda left_s, header: self._server.infer(TensorCall(self.spec, (rows,), left_s, header)),
            )
        return Finding(scores_of(self.spec, logits))
