"""The packaged recogniser on real words, without a network."""

import socket
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.detectors.scripted_speech import ENOUGH_MS, asked
from tests.detectors.spoken import WORDS, Samples, clip, music, noise, said, spoken, wav
from tidegate.detectors.speech.whisper_adapter import WhisperSpeech
from tidegate.models.catalogue import catalogue
from tidegate.moderation.detection import DetectorStatus
from tidegate.telemetry.recorder import Recorder

PATIENCE_MS = 2 * ENOUGH_MS


@pytest.fixture
async def detectors(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WhisperSpeech]:
    def refuse(*_: object) -> None:
        raise AssertionError("the recogniser must not reach for a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made = WhisperSpeech(catalogue()["audio_speech"], tracer=Recorder())
    yield made
    await made.close()


async def test_clear_words_are_written_down_with_their_times(detectors: WhisperSpeech) -> None:
    found = await asked(detectors, spoken("mp3"), budget_ms=PATIENCE_MS)
    assert (found.scores.status, found.scores.language) == (DetectorStatus.OK, "en")
    words = said(found.segments)
    assert len(set(WORDS) & set(words)) >= len(set(WORDS)) - 1
    assert abs(len(words) - len(WORDS)) <= 2
    starts = [one.start_ms for one in found.segments]
    assert starts == sorted(starts)
    assert found.segments[-1].end_ms <= clip().size // 16 + 40


async def test_words_late_in_a_clip_keep_their_place(detectors: WhisperSpeech) -> None:
    late = np.concatenate([noise(8, level=0.001), clip()])
    found = await asked(detectors, wav(late), budget_ms=PATIENCE_MS)
    assert found.scores.status is DetectorStatus.OK
    assert 7_000 <= found.segments[0].start_ms <= 9_000


async def test_speech_that_is_no_english_is_not_taken_for_clean(detectors: WhisperSpeech) -> None:
    """Words played backwards have a voice and no meaning, as an unknown language has."""
    found = await asked(detectors, wav(clip()[::-1]), budget_ms=PATIENCE_MS)
    assert (found.scores.status, found.segments) == (DetectorStatus.UNSUPPORTED_LANGUAGE, ())


@pytest.mark.parametrize(
    "samples",
    [np.zeros(160_000, dtype=np.float32), noise(10), music(10), np.zeros(10, dtype=np.float32)],
    ids=["silence", "noise", "music", "shorter than a word"],
)
async def test_audio_without_speech_has_no_content_and_no_invented_words(
    detectors: WhisperSpeech, samples: Samples
) -> None:
    found = await asked(detectors, wav(samples), budget_ms=PATIENCE_MS)
    assert (found.scores.status, found.segments) == (DetectorStatus.NO_CONTENT, ())
