"""`image_match`: the port to the banks of known items, and its place among the image detectors."""

import asyncio
from functools import partial
from typing import Protocol

from opentelemetry.trace import Tracer

from tidegate.detectors.images.decoding import DecodedImage, Pixels
from tidegate.detectors.images.looking import Finding
from tidegate.detectors.images.places import PatientThreads
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.spans import span


class ImageMatcher(Protocol):
    """Compares images with banks of known items."""

    async def refresh_if_changed(self) -> None:
        """Takes up additions and removals that other processes made."""
        ...

    def answer(self, pixels: Pixels) -> DetectorScores:
        """Returns the matches of one picture, [height, width, 3] RGB. Blocking."""
        ...


class BankMatching:
    """Looks up images in the banks."""

    def __init__(self, spec: DetectorSpec, *, matcher: ImageMatcher, threads: PatientThreads, tracer: Tracer) -> None:
        self.spec = spec
        self._matcher = matcher
        self._threads = threads
        self._tracer = tracer

    async def prepare(self) -> None:
        """See `ImageDetector`."""
        await self._matcher.refresh_if_changed()

    async def look(self, image: DecodedImage, budget: Budget) -> Finding:
        """See `ImageDetector`. Of an animation, the answer for the frame with the highest score."""
        with span(self._tracer, SpanName.IMAGE_MATCH):
            async with asyncio.timeout(budget.left_s()):
                await self._matcher.refresh_if_changed()
            answers = await self._threads.run(partial(self._answers, image.frames), budget)
        return Finding(max(answers, key=lambda one: max(one.scores.values(), default=0.0)))

    def _answers(self, frames: tuple[Pixels, ...]) -> list[DetectorScores]:
        return [self._matcher.answer(frame) for frame in frames]
