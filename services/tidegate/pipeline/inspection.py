"""One part's way through the stages: image or audio first, where there is any, then its words."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorRun, DetectorScores, DetectorStatus
from tidegate.moderation.item import PartKind
from tidegate.pipeline.chunks import Piece, pieces_of
from tidegate.pipeline.outages import answer_or_outage
from tidegate.pipeline.plan import PartPlan
from tidegate.pipeline.runs import run_of
from tidegate.pipeline.scoring import StageCall, TextScoring
from tidegate.pipeline.shadows import ShadowRuns
from tidegate.pipeline.stages import ImageStage, SpeechStage


@dataclass(frozen=True, slots=True)
class _Words:
    """A part's words, as text detectors get them."""

    pieces: tuple[Piece, ...] = ()
    """What was read."""
    lacking: tuple[DetectorStatus, ...] = ()
    """Why there are none, or not all: NO_CONTENT if there is nothing to read, else what became of the reader."""


class PartInspector:
    """Looks at parts."""

    def __init__(
        self,
        *,
        text: TextScoring,
        images: ImageStage,
        speech: SpeechStage,
        versions: Callable[[str], str],
        reading_share: float,
    ) -> None:
        """Wires the stages.

        Args:
            text: Asks the text stage.
            images: The image stage.
            speech: The speech stage.
            versions: The live version of a detector by name, for runs that never answered.
            reading_share: Share of what is left of the budget that images and speech may take, so that there is time
                to score the words found in them.
        """
        self._text = text
        self._images = images
        self._speech = speech
        self._versions = versions
        self._reading_share = reading_share

    async def runs(self, plan: PartPlan, call: StageCall, shadows: ShadowRuns) -> list[DetectorRun]:
        """What is found out about a part, as planned."""
        part = plan.part
        match part.kind:
            case PartKind.IMAGE:
                found, words = await self._looked_at(plan, call)
            case PartKind.AUDIO:
                found, words = await self._listened_to(plan, call)
            case PartKind.TRANSCRIPT:
                found, words = [], _Words(pieces_of(part.segments))
            case PartKind.TEXT:
                found, words = [], _Words((Piece(part.text),))
        lacking = [run for status in words.lacking for run in self._unasked(plan.text, status, part.id)]
        if not words.pieces or not plan.text:
            return [*found, *lacking]
        shadows.ask(part.id, words.pieces, plan.text, call)
        return [*found, *await self._text.runs(part.id, words.pieces, plan.text, call), *lacking]

    async def _looked_at(self, plan: PartPlan, call: StageCall) -> tuple[list[DetectorRun], _Words]:
        names = (*plan.images, *((plan.reader,) if plan.reader else ()))
        if not names:
            return [], _Words(lacking=(DetectorStatus.NOT_COVERED,))
        allowed = self._for_reading(call) if plan.reader else call.budget
        request = ImageRequest(data=plan.part.data, detectors=names, budget_ms=allowed.left_ms(), trace=call.trace)
        started = time.perf_counter()
        with call.hops.timed("images"):
            findings = await self._image_findings(request, call)
        latency_ms = _elapsed_ms(started)
        found = [run_of(answer, plan.part.id, latency_ms=latency_ms) for answer in findings.scores]
        if not plan.reader:
            return found, _Words(lacking=(DetectorStatus.NOT_COVERED,))
        return found, _words_of(findings.words, [run.status for run in found if run.name == plan.reader])

    async def _image_findings(self, request: ImageRequest, call: StageCall) -> ImageFindings:
        found = await answer_or_outage("image", self._images.inspect(request), call.budget)
        if isinstance(found, DetectorStatus):
            return ImageFindings(tuple(DetectorScores(name, self._versions(name), found) for name in request.detectors))
        return found

    async def _listened_to(self, plan: PartPlan, call: StageCall) -> tuple[list[DetectorRun], _Words]:
        if not plan.reader:
            return [], _Words(lacking=(DetectorStatus.NOT_COVERED,))
        allowed = self._for_reading(call)
        request = SpeechRequest(
            data=plan.part.data, language=call.language, budget_ms=allowed.left_ms(), trace=call.trace
        )
        started = time.perf_counter()
        with call.hops.timed("speech"):
            findings = await self._speech_findings(plan.reader, request, call)
        found = [run_of(findings.scores, plan.part.id, latency_ms=_elapsed_ms(started))]
        if findings.scores.status is not DetectorStatus.OK:
            return found, _Words(lacking=(findings.scores.status,))
        return found, _of(pieces_of(findings.segments))

    async def _speech_findings(self, reader: str, request: SpeechRequest, call: StageCall) -> SpeechFindings:
        found = await answer_or_outage("speech", self._speech.transcribe(request), call.budget)
        if isinstance(found, DetectorStatus):
            return SpeechFindings(DetectorScores(reader, self._versions(reader), found))
        return found

    def _for_reading(self, call: StageCall) -> Budget:
        return call.budget.cut_ms(call.budget.left_ms() * self._reading_share)

    def _unasked(self, names: Sequence[str], status: DetectorStatus, part: str) -> Iterator[DetectorRun]:
        for name in names:
            yield DetectorRun(name=name, version=self._versions(name), status=status, part=part)


def _words_of(words: str | None, reader: Sequence[DetectorStatus]) -> _Words:
    """Of an image. Words that an OK reader does not hand over are an outage of the reader."""
    outages = tuple(status for status in reader if status not in (DetectorStatus.OK, DetectorStatus.NO_CONTENT))
    if words is None and not outages and DetectorStatus.NO_CONTENT not in reader:
        return _Words(lacking=(DetectorStatus.FAILED,))
    return _of((Piece(words),) if words and words.strip() else (), outages)


def _of(pieces: tuple[Piece, ...], outages: tuple[DetectorStatus, ...] = ()) -> _Words:
    return _Words(pieces, outages if pieces or outages else (DetectorStatus.NO_CONTENT,))


def _elapsed_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000.0, 3)
