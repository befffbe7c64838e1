"""Stages in other deployments: their answers as they are, and time-outs as data when a deployment hangs."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.serving.remote import RemoteImageDetectors, RemoteSpeechDetectors, RemoteTextDetectors
from tidegate.telemetry.propagation import UNTRACED

IMAGE = ImageRequest(b"x", ("image_match", "image_unsafe"), 20.0, UNTRACED)
SPEECH = SpeechRequest(b"x", "en", 20.0, UNTRACED)
TEXT = TextRequest("x", ("text_harm",), 20.0, UNTRACED, shadows=(("text_harm", "9"),))
SEEN = ImageFindings((DetectorScores("image_unsafe", "1", DetectorStatus.OK),), "words")


class _Method:
    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def remote(self, *batch: Sequence[object]) -> object:
        if self._answer is None:
            await asyncio.sleep(3_600)
        return [self._answer] * len(batch[0]) if batch else self._answer


class _Handle:
    """A deployment that answers, or hangs if it has no answer."""

    def __init__(self, answer: object = None) -> None:
        self.score = self.inspect = self.transcribe = _Method(answer)
        self.ready = _Method(answer)


def _version(name: str) -> str:
    return f"of {name}"


async def _shortly(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, timeout=60)


async def test_answers_pass_as_they_are() -> None:
    heard = SpeechFindings(DetectorScores("audio_speech", "1", DetectorStatus.NO_CONTENT))
    images = RemoteImageDetectors(_Handle(SEEN), versions=_version)
    speech = RemoteSpeechDetectors(_Handle(heard), reader="audio_speech", version="1")
    assert await images.inspect([IMAGE, IMAGE]) == [SEEN, SEEN]
    assert await speech.transcribe([SPEECH]) == [heard]
    assert await images.ready()
    assert await speech.ready()


async def test_a_deployment_that_hangs_gives_its_batch_up_with_the_live_versions_named() -> None:
    (seen,) = await _shortly(RemoteImageDetectors(_Handle(), versions=_version).inspect([IMAGE]))
    (heard,) = await _shortly(RemoteSpeechDetectors(_Handle(), reader="audio_speech", version="4").transcribe([SPEECH]))
    (scored,) = await _shortly(RemoteTextDetectors(_Handle(), versions=_version).score([TEXT]))
    late = DetectorStatus.TIMED_OUT
    assert seen == ImageFindings(
        (
            DetectorScores("image_match", "of image_match", late),
            DetectorScores("image_unsafe", "of image_unsafe", late),
        )
    )
    assert heard == SpeechFindings(DetectorScores("audio_speech", "4", late))
    assert scored == (DetectorScores("text_harm", "of text_harm", late), DetectorScores("text_harm", "9", late))
