"""`image_match`: the port to the banks of known items, and its place among the image detectors."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from opentelemetry.trace import Tracer

from tidegate.detectors.images.decoding import DecodedImage, Pixels
from tidegate.detectors.images.looking import Finding
from tidegate.detectors.images.places import PatientThreads
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import BankMatch, DetectorScores, DetectorStatus
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
        """See `ImageDetector`. Of an animation, each bank's highest score over the frames."""
        with span(self._tracer, SpanName.IMAGE_MATCH):
            async with asyncio.timeout(budget.left_s()):
                await self._matcher.refresh_if_changed()
            answers = await self._threads.run(partial(self._answers, image.frames), budget)
        return _over_frames(answers)

    def _answers(self, frames: tuple[Pixels, ...]) -> list[DetectorScores]:
        return [self._matcher.answer(frame) for frame in frames]


def _over_frames(answers: Sequence[DetectorScores]) -> Finding:
    """One finding. A frame that was not compared is told beside those that were: it may be the known one."""
    compared = [answer for answer in answers if answer.status is DetectorStatus.OK]
    missed = next((answer for answer in answers if answer.status is not DetectorStatus.OK), None)
    if missed is not None and not compared:
        return Finding(missed)
    nearest: dict[tuple[str, str], BankMatch] = {}
    for match in sorted((match for answer in compared for match in answer.matches), key=_by_distance):
        nearest.setdefault((match.bank, match.entry), match)
    banks = dict.fromkeys(bank for answer in compared for bank in answer.scores)
    scores = replace(
        compared[0],
        scores={bank: max(answer.scores.get(bank, 0.0) for answer in compared) for bank in banks},
        severities={bank: max(answer.severities.get(bank, 0) for answer in compared) for bank in banks},
        matches=tuple(nearest.values()),
    )
    return Finding(scores, unseen=missed.status if missed is not None else None)


def _by_distance(match: BankMatch) -> tuple[int, str, str]:
    return match.distance, match.bank, match.entry
