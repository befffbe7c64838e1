"""A long clip is made from short ones, and asked about until there is nothing left to wait for."""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from loadtests.long_clip import answers, opus, said_over_and_over
from tests.detectors.spoken import clip, noise, spoken, wav
from tests.serving.in_process import ScriptedSpeech, serving
from tidegate.client import TidegateClient
from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ, decoded
from tidegate.detectors.speech.limits import AudioLimits
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.moderation.item import TranscriptSegment

_WORDS = (TranscriptSegment(0, 1_000, "a kind word"),)


class _Slow(ScriptedSpeech):
    """Says one status after the other."""

    def __init__(self, *statuses: DetectorStatus) -> None:
        super().__init__()
        self._statuses = iter(statuses)

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        status = next(self._statuses)
        scores = DetectorScores("audio_speech", "1", status)
        return [SpeechFindings(scores, _WORDS if status is DetectorStatus.OK else ()) for _ in batch]


def test_clips_are_said_over_and_over_and_words_alone_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(spoken("wav"))
    (tmp_path / "word.wav").write_bytes(wav(noise(1)))
    made = np.concatenate(list(said_over_and_over(tmp_path, seconds=23)))
    assert made.size == 23 * SAMPLE_RATE_HZ
    assert np.array_equal(made[: clip().size], made[clip().size : 2 * clip().size])


def test_a_folder_without_speech_makes_no_clip(tmp_path: Path) -> None:
    assert list(said_over_and_over(tmp_path, seconds=5)) == []


def test_the_clip_is_opus_that_the_detector_decodes_in_two_thousand_bytes_a_second(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(spoken("wav"))
    made = opus(said_over_and_over(tmp_path, seconds=12))
    with av.open(io.BytesIO(made)) as container:
        assert container.streams.audio[0].codec_context.name in {"opus", "libopus"}
    heard = sum(block.size for block in decoded(made, AudioLimits()))
    assert heard / SAMPLE_RATE_HZ == pytest.approx(12, abs=0.1)
    assert len(made) < 12 * 2_000


async def test_it_is_asked_about_again_while_it_is_heard_and_no_longer() -> None:
    speech = _Slow(*[DetectorStatus.PENDING] * 2, DetectorStatus.TIMED_OUT, *[DetectorStatus.OK] * 5)
    async with serving(speech=speech) as served:

        def asking() -> list[dict[str, str]]:
            with TidegateClient(served.address) as client:
                found = answers(client, spoken("flac"), budget_ms=30_000, every_s=0.0, pid=None)
                return [one.runs for one in found]

        found = await asyncio.to_thread(asking)
    assert [runs["audio_speech"] for runs in found] == ["PENDING", "PENDING", "TIMED_OUT", "OK"]
    assert found[-1]["text_harm"] == "OK"
