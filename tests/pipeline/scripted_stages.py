"""Stages that answer what a test says, and remember what they were asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.moderation.signals import AccountSignals, LookupStatus


def harm(severity: int, *, version: str = "1", name: str = "text_harm") -> DetectorScores:
    """An answer of a text detector with one label."""
    return DetectorScores(name, version, DetectorStatus.OK, {"hate": severity / 10}, {"hate": severity})


def no_harm(request: TextRequest) -> tuple[DetectorScores, ...]:
    """Nothing found, by every version asked."""
    live = tuple(harm(0, name=name) for name in request.detectors)
    return (*live, *(harm(0, name=name, version=version) for name, version in request.shadows))


def empty(request: ImageRequest) -> ImageFindings:
    """Nothing found, words included."""
    return ImageFindings(tuple(DetectorScores(name, "1", DetectorStatus.OK) for name in request.detectors), words="")


@dataclass
class ScriptedTextStage:
    """A text stage."""

    script: Callable[[TextRequest], tuple[DetectorScores, ...]] = no_harm
    delay_s: float = 0.0
    requests: list[TextRequest] = field(default_factory=list)

    async def score(self, request: TextRequest) -> tuple[DetectorScores, ...]:
        self.requests.append(request)
        await asyncio.sleep(self.delay_s)
        return self.script(request)


@dataclass
class ScriptedImageStage:
    """An image stage."""

    script: Callable[[ImageRequest], ImageFindings] = empty
    delay_s: float = 0.0
    delays_s: Mapping[str, float] = field(default_factory=dict)
    """By detector; the slowest one asked for counts."""
    requests: list[ImageRequest] = field(default_factory=list)

    async def inspect(self, request: ImageRequest) -> ImageFindings:
        self.requests.append(request)
        await asyncio.sleep(max(self.delay_s, *(self.delays_s.get(name, 0.0) for name in request.detectors)))
        return self.script(request)


SILENCE = SpeechFindings(DetectorScores("audio_speech", "1", DetectorStatus.NO_CONTENT))


@dataclass
class ScriptedSpeechStage:
    """A speech stage."""

    answer: SpeechFindings = SILENCE
    delay_s: float = 0.0
    requests: list[SpeechRequest] = field(default_factory=list)

    async def transcribe(self, request: SpeechRequest) -> SpeechFindings:
        self.requests.append(request)
        await asyncio.sleep(self.delay_s)
        return self.answer


@dataclass
class UnknownAccounts:
    """A lookup that knows nobody."""

    async def lookup(self, request: SignalsRequest) -> AccountSignals:
        del request
        return AccountSignals(LookupStatus.OK, known=False)
