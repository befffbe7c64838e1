"""What callers are told while clips are heard: within budgets, once each, and within bounds."""

import asyncio

import numpy as np
import pytest

from tests.detectors.requests import SAMPLED, recording
from tests.detectors.scripted_speech import GatedRecogniser, asked, hearing, speech
from tests.detectors.spoken import clip, noise, spoken, wav
from tidegate.detectors.speech.limits import AudioLimits, KeptLimits, WorkLimits
from tidegate.detectors.speech.loudness import Samples
from tidegate.detectors.speech.recogniser import Utterance
from tidegate.detectors.speech_port import SpeechDetectors
from tidegate.moderation.detection import DetectorStatus
from tidegate.telemetry.names import SpanName

SPOKEN = spoken("wav")
OTHER = wav(clip()[: 16_000 * 5])
LONG = wav(np.tile(clip(), 6))  # a minute: more than two pieces
TOO_LITTLE_MS = 1.0


def statuses(found: object) -> list[DetectorStatus]:
    assert isinstance(found, list)
    return [one.scores.status for one in found]


async def test_spoken_words_come_with_their_times() -> None:
    detectors: SpeechDetectors = speech(GatedRecogniser())
    (found,) = await detectors.transcribe([hearing(SPOKEN)])
    assert (found.scores.detector, found.scores.status, found.scores.language) == (
        "audio_speech",
        DetectorStatus.OK,
        "en",
    )
    assert all(0 <= one.start_ms < one.end_ms <= 10_000 for one in found.segments)
    await detectors.close()


async def test_a_clip_of_several_pieces_keeps_the_words_of_all() -> None:
    recogniser = GatedRecogniser()
    detectors = speech(recogniser)
    found = await asked(detectors, LONG)
    assert len(recogniser.begun) == len(found.segments) > 2
    starts = [one.start_ms for one in found.segments]
    assert starts == sorted(set(starts))
    assert found.segments[-1].end_ms > 55_000
    await detectors.close()


async def test_answers_come_in_the_order_of_the_requests() -> None:
    detectors = speech(GatedRecogniser())
    found = await detectors.transcribe([hearing(wav(noise(3))), hearing(SPOKEN), hearing(b"nothing")])
    assert statuses(found) == [DetectorStatus.NO_CONTENT, DetectorStatus.OK, DetectorStatus.UNREADABLE]
    assert await detectors.transcribe([]) == []
    await detectors.close()


async def test_too_small_a_budget_is_pending_and_found_done_later() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    first = await asked(detectors, SPOKEN, budget_ms=TOO_LITTLE_MS)
    assert (first.scores.status, first.segments) == (DetectorStatus.PENDING, ())
    await recogniser.has_begun(1)
    assert (await asked(detectors, SPOKEN, budget_ms=TOO_LITTLE_MS)).scores.status is DetectorStatus.PENDING
    recogniser.let(10)
    assert (await asked(detectors, SPOKEN)).scores.status is DetectorStatus.OK
    assert (await asked(detectors, SPOKEN, budget_ms=TOO_LITTLE_MS)).scores.status is DetectorStatus.OK
    assert len(recogniser.begun) == 1
    await detectors.close()


async def test_work_that_outlasts_its_estimate_is_pending_by_the_clock() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    found = await asked(detectors, SPOKEN, budget_ms=2_500)
    assert found.scores.status is DetectorStatus.PENDING
    assert len(recogniser.begun) == 1
    recogniser.let(10)
    await detectors.close()


async def test_the_same_clip_asked_for_by_many_is_heard_once() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    asking = [asyncio.create_task(asked(detectors, SPOKEN)) for _ in range(5)]
    batch = asyncio.create_task(detectors.transcribe([hearing(SPOKEN), hearing(SPOKEN)]))
    await recogniser.has_begun(1)
    recogniser.let(10)
    found = [*await asyncio.gather(*asking), *await batch]
    assert {one.scores.status for one in found} == {DetectorStatus.OK}
    assert len(recogniser.begun) == 1
    await detectors.close()


async def test_a_caller_that_gives_up_takes_nothing_from_the_others() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    leaving = asyncio.create_task(asked(detectors, SPOKEN))
    staying = asyncio.create_task(asked(detectors, SPOKEN))
    await recogniser.has_begun(1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    recogniser.let(10)
    assert (await staying).scores.status is DetectorStatus.OK
    await detectors.close()


async def test_work_goes_on_when_its_only_caller_has_given_up() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    leaving = asyncio.create_task(asked(detectors, SPOKEN))
    await recogniser.has_begun(1)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    recogniser.let(10)
    assert (await asked(detectors, SPOKEN)).scores.status is DetectorStatus.OK
    assert len(recogniser.begun) == 1
    await detectors.close()


@pytest.mark.parametrize("work", [WorkLimits(max_clips=1), WorkLimits(max_bytes=len(SPOKEN) + 1)])
async def test_a_full_workload_fails_and_has_place_again_later(
    work: WorkLimits, caplog: pytest.LogCaptureFixture
) -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser, work=work)
    await asked(detectors, SPOKEN, budget_ms=TOO_LITTLE_MS)
    assert (await asked(detectors, OTHER)).scores.status is DetectorStatus.FAILED
    assert "no place for another clip" in caplog.text
    recogniser.let(10)
    assert (await asked(detectors, SPOKEN)).scores.status is DetectorStatus.OK
    assert (await asked(detectors, OTHER)).scores.status is DetectorStatus.OK
    await detectors.close()


async def test_a_short_clip_is_heard_between_the_pieces_of_a_long_one() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    await asked(detectors, LONG, budget_ms=TOO_LITTLE_MS)
    await recogniser.has_begun(1)
    await asked(detectors, OTHER, budget_ms=TOO_LITTLE_MS)
    recogniser.let(2)
    assert (await asked(detectors, OTHER)).scores.status is DetectorStatus.OK
    assert recogniser.begun[1] < recogniser.begun[0]
    recogniser.let(100)
    assert (await asked(detectors, LONG)).scores.status is DetectorStatus.OK
    await detectors.close()


async def test_a_result_that_is_no_longer_kept_is_heard_again() -> None:
    recogniser = GatedRecogniser()
    detectors = speech(recogniser, kept=KeptLimits(max_results=1))
    for data in (SPOKEN, OTHER, SPOKEN):
        assert (await asked(detectors, data)).scores.status is DetectorStatus.OK
    assert len(recogniser.begun) == 3
    await detectors.close()


async def test_a_failing_recogniser_is_an_outage_of_that_clip_only(caplog: pytest.LogCaptureFixture) -> None:
    def fails_on_short(audio: Samples) -> list[Utterance]:
        if audio.size < 16_000 * 8:
            raise RuntimeError("secret words")
        return [Utterance(0, audio.size // 16, "words", -0.3, 1.0)]

    detectors = speech(GatedRecogniser(answer=fails_on_short))
    assert (await asked(detectors, OTHER)).scores.status is DetectorStatus.FAILED
    assert (await asked(detectors, SPOKEN)).scores.status is DetectorStatus.OK
    assert "secret" not in caplog.text
    await detectors.close()


async def test_speech_that_is_not_understood_is_of_no_known_language() -> None:
    def doubts(audio: Samples) -> list[Utterance]:
        return [Utterance(0, audio.size // 16, "words", -1.4, 1.0)]

    detectors = speech(GatedRecogniser(answer=doubts))
    found = await asked(detectors, SPOKEN)
    assert (found.scores.status, found.scores.language) == (DetectorStatus.UNSUPPORTED_LANGUAGE, "und")
    assert found.segments == ()
    await detectors.close()


async def test_too_little_speech_to_be_understood_is_not_told_to_be_another_language() -> None:
    """Of a word or two clear English is improbable to the model as well."""

    def doubts(audio: Samples) -> list[Utterance]:
        return [Utterance(0, audio.size // 16, "words", -1.4, 1.0)]

    detectors = speech(GatedRecogniser(answer=doubts))
    word = wav(clip()[int(3.7 * 16_000) : int(4.9 * 16_000)])
    found = await asked(detectors, word)
    assert (found.scores.status, found.scores.language) == (DetectorStatus.UNREADABLE, "")
    foreign = await asked(detectors, word, language="sv")
    assert (foreign.scores.status, foreign.scores.language) == (DetectorStatus.UNSUPPORTED_LANGUAGE, "sv")
    await detectors.close()


@pytest.mark.parametrize("hint", ["de", "de-AT", "fr", "zh-Hant"])
async def test_a_hint_of_another_language_is_believed_and_costs_no_recognition(hint: str) -> None:
    recogniser = GatedRecogniser()
    detectors = speech(recogniser)
    found = await asked(detectors, SPOKEN, language=hint)
    assert (found.scores.status, found.scores.language) == (DetectorStatus.UNSUPPORTED_LANGUAGE, hint)
    assert recogniser.begun == []
    silent = await asked(detectors, wav(noise(3)), language=hint)
    assert silent.scores.status is DetectorStatus.NO_CONTENT
    await detectors.close()


@pytest.mark.parametrize("hint", ["", "en", "en-GB", "EN_us", "und"])
async def test_a_hint_of_english_or_none_is_listened_to(hint: str) -> None:
    detectors = speech(GatedRecogniser())
    assert (await asked(detectors, SPOKEN, language=hint)).scores.status is DetectorStatus.OK
    await detectors.close()


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"", AudioLimits()),
        (b"no audio", AudioLimits()),
        (SPOKEN[:-5_000], AudioLimits()),
        (spoken("flac")[:60_000], AudioLimits()),
        (SPOKEN, AudioLimits(max_duration_s=5)),
        (SPOKEN, AudioLimits(max_bytes=1_000)),
    ],
    ids=["empty", "text", "cut wav", "cut flac", "too long", "too large"],
)
async def test_what_cannot_be_heard_whole_is_unreadable_and_shows_no_words(data: bytes, limits: AudioLimits) -> None:
    detectors = speech(GatedRecogniser(), audio=limits)
    for _ in range(2):
        found = await asked(detectors, data)
        assert (found.scores.status, found.segments) == (DetectorStatus.UNREADABLE, ())
    await detectors.close()


async def test_closing_answers_callers_and_takes_no_more() -> None:
    recogniser = GatedRecogniser(open_=False)
    detectors = speech(recogniser)
    waiting = [asyncio.create_task(asked(detectors, data)) for data in (LONG, OTHER)]
    await recogniser.has_begun(1)
    assert await detectors.ready()
    closing = asyncio.create_task(detectors.close())
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)  # the one that is not being heard
    recogniser.let(1)
    await closing
    assert {one.scores.status for one in await asyncio.gather(*waiting)} == {DetectorStatus.FAILED}
    assert (await asked(detectors, SPOKEN)).scores.status is DetectorStatus.FAILED
    assert not any(thread.is_alive() for thread in detectors._workload._threads)
    assert not await detectors.ready()


async def test_a_sampled_request_sees_its_turns_in_its_trace_and_an_unsampled_one_makes_no_span() -> None:
    tracer, spans = recording()
    detectors = speech(GatedRecogniser(), tracer=tracer)
    await detectors.transcribe([hearing(SPOKEN)])
    assert spans.get_finished_spans() == ()
    await detectors.transcribe([hearing(OTHER, trace=SAMPLED)])
    names = {one.name for one in spans.get_finished_spans()}
    assert SpanName.SPEECH_TRANSCRIBE in names
    assert names <= {SpanName.SPEECH_TRANSCRIBE, SpanName.SPEECH_TURN}
    assert all(f"{one.context.trace_id:032x}" == SAMPLED.trace_id for one in spans.get_finished_spans())
    await detectors.close()
