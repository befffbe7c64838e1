"""A part's way through the stages: images and audio first, then the words found in them."""

from collections.abc import Callable

import pytest

from tests.pipeline.scripted_stages import (
    ScriptedImageStage,
    ScriptedSpeechStage,
    ScriptedTextStage,
    UnknownAccounts,
    harm,
)
from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorRun, DetectorScores, DetectorStatus, Moment
from tidegate.moderation.item import ContentItem, Part, PartKind, Surface, TranscriptSegment
from tidegate.pipeline.gather import Gatherer, GatherLimits
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.plan import PartPlan, Plan
from tidegate.pipeline.stages import Stages
from tidegate.telemetry.propagation import UNTRACED

COVER = Part(id="cover", kind=PartKind.IMAGE, data=b"an image")
CLIP = Part(id="clip", kind=PartKind.AUDIO, data=b"a clip")
LOOK = PartPlan(COVER, images=("image_unsafe",), reader="image_text", text=("text_harm",))
LISTEN = PartPlan(CLIP, reader="audio_speech", text=("text_harm",))
OK, OUTAGES = DetectorStatus.OK, (DetectorStatus.FAILED, DetectorStatus.TIMED_OUT, DetectorStatus.UNREADABLE)


async def _runs(
    *parts: PartPlan,
    text: ScriptedTextStage | None = None,
    images: ScriptedImageStage | None = None,
    speech: ScriptedSpeechStage | None = None,
    budget_ms: float = 5_000,
    hops: Hops | None = None,
) -> tuple[DetectorRun, ...]:
    text = text or ScriptedTextStage()
    stages = Stages(text, text, images or ScriptedImageStage(), speech or ScriptedSpeechStage(), UnknownAccounts())
    gatherer = Gatherer(stages, versions=lambda _: "1", limits=GatherLimits())
    item = ContentItem("c", "a", Surface.PLAYLIST, "SE", tuple(plan.part for plan in parts), language="en")
    plan = Plan(parts=parts, features=(), account=False)
    gathered = await gatherer.gather(item, plan, budget=Budget.of_ms(budget_ms), trace=UNTRACED, hops=hops or Hops())
    return gathered.detectors


def _reads(words: str | None, status: DetectorStatus = OK) -> Callable[[ImageRequest], ImageFindings]:
    def script(request: ImageRequest) -> ImageFindings:
        scores = tuple(DetectorScores(name, "1", status) for name in request.detectors)
        return ImageFindings(scores, words)

    return script


def _statuses(runs: tuple[DetectorRun, ...]) -> dict[str, DetectorStatus]:
    return {run.name: run.status for run in runs}


async def test_words_of_an_image_are_scored_as_text_of_its_part() -> None:
    text = ScriptedTextStage(lambda _: (harm(6),))
    hops = Hops()
    runs = await _runs(LOOK, text=text, images=ScriptedImageStage(_reads("some words")), hops=hops)
    assert [(run.name, run.part, run.status) for run in runs] == [
        ("image_unsafe", "cover", OK),
        ("image_text", "cover", OK),
        ("text_harm", "cover", OK),
    ]
    assert runs[2].severities == {"hate": 6}
    assert [(request.text, request.language) for request in text.requests] == [("some words", "en")]
    assert {"images", "text"} <= set(hops.elapsed_ms)


@pytest.mark.parametrize("words", ["", " \n "])
async def test_an_image_without_words_has_no_content_for_text_detectors(words: str) -> None:
    text = ScriptedTextStage()
    runs = await _runs(LOOK, text=text, images=ScriptedImageStage(_reads(words)))
    assert _statuses(runs)["text_harm"] is DetectorStatus.NO_CONTENT
    assert not text.requests


@pytest.mark.parametrize("status", OUTAGES)
async def test_words_that_could_not_be_read_are_missed_for_the_readers_reason(status: DetectorStatus) -> None:
    runs = await _runs(LOOK, images=ScriptedImageStage(_reads(None, status)))
    assert _statuses(runs) == dict.fromkeys(("image_unsafe", "image_text", "text_harm"), status)


async def test_a_reader_that_is_ok_without_a_word_about_words_is_an_outage() -> None:
    assert _statuses(await _runs(LOOK, images=ScriptedImageStage(_reads(None))))["text_harm"] is DetectorStatus.FAILED


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize(("words", "text"), [("some words", [OK]), ("", [])])
async def test_words_that_are_not_all_leave_the_rest_unseen_by_text_detectors(
    words: str, text: list[DetectorStatus], outage: DetectorStatus
) -> None:
    """What was read is scored, and what was not keeps a rule from being false."""
    reading = OK if words else DetectorStatus.NO_CONTENT

    def script(_: ImageRequest) -> ImageFindings:
        partly = (DetectorScores("image_text", "1", reading), DetectorScores("image_text", "1", outage))
        return ImageFindings((DetectorScores("image_unsafe", "1", OK), *partly), words)

    runs = await _runs(LOOK, images=ScriptedImageStage(script))
    assert [run.status for run in runs if run.name == "image_text"] == [reading, outage]
    assert [run.status for run in runs if run.name == "text_harm"] == [*text, outage]


async def test_images_and_speech_leave_time_to_score_their_words() -> None:
    images, speech = ScriptedImageStage(), ScriptedSpeechStage()
    await _runs(LOOK, LISTEN, images=images, speech=speech, budget_ms=1_000)
    assert images.requests[0].budget_ms <= 800
    assert speech.requests[0].budget_ms <= 800
    assert speech.requests[0].language == "en"


async def test_a_stage_that_hangs_or_breaks_is_data() -> None:
    def broken(_: ImageRequest) -> ImageFindings:
        raise RuntimeError("decoder")

    failed = await _runs(LOOK, images=ScriptedImageStage(broken))
    late = await _runs(
        LOOK, LISTEN, images=ScriptedImageStage(delay_s=30), speech=ScriptedSpeechStage(delay_s=30), budget_ms=60
    )
    assert set(_statuses(failed).values()) == {DetectorStatus.FAILED}
    assert set(_statuses(late).values()) == {DetectorStatus.TIMED_OUT}
    assert {run.version for run in late} == {"1"}


def _said(*segments: tuple[int, int, str]) -> ScriptedSpeechStage:
    spoken = tuple(TranscriptSegment(*segment) for segment in segments)
    return ScriptedSpeechStage(SpeechFindings(DetectorScores("audio_speech", "1", OK), spoken))


def _by_word(request: TextRequest) -> tuple[DetectorScores, ...]:
    return (harm(7 if "bad" in request.text else 1),)


async def test_speech_is_scored_in_stretches_and_the_highest_one_is_pointed_at() -> None:
    """No segment is split; neighbours go together as long as they are short."""
    text = ScriptedTextStage(_by_word)
    speech = _said((0, 5_000, "a" * 300), (5_000, 9_000, "b" * 300), (9_000, 12_000, "bad"), (12_000, 20_000, "words"))
    runs = await _runs(LISTEN, text=text, speech=speech)
    assert [request.text for request in text.requests] == ["a" * 300, "b" * 300 + "\nbad\nwords"]
    assert [(run.name, run.status) for run in runs] == [("audio_speech", OK), ("text_harm", OK)]
    assert runs[1].severities == {"hate": 7}
    assert runs[1].moments == {"hate": Moment(5_000, 20_000)}


async def test_transcripts_of_the_caller_take_the_same_way_without_the_recogniser() -> None:
    segments = (TranscriptSegment(0, 900, "fine"), TranscriptSegment(900, 2_000, "bad"))
    part = Part(id="speech", kind=PartKind.TRANSCRIPT, segments=segments)
    speech = ScriptedSpeechStage()
    (run,) = await _runs(PartPlan(part, text=("text_harm",)), text=ScriptedTextStage(_by_word), speech=speech)
    assert (run.severities, run.moments) == ({"hate": 7}, {"hate": Moment(0, 2_000)})
    assert not speech.requests


async def test_a_transcript_without_times_points_nowhere() -> None:
    part = Part(id="speech", kind=PartKind.TRANSCRIPT, segments=(TranscriptSegment(0, 0, "bad"),))
    (run,) = await _runs(PartPlan(part, text=("text_harm",)), text=ScriptedTextStage(_by_word))
    assert run.moments == {}


async def test_a_stretch_that_was_not_scored_is_told_beside_those_that_were() -> None:
    def script(request: TextRequest) -> tuple[DetectorScores, ...]:
        if "b" in request.text:
            return (DetectorScores("text_harm", "1", DetectorStatus.UNSUPPORTED_LANGUAGE, language="sv"),)
        return (harm(3),)

    runs = await _runs(LISTEN, text=ScriptedTextStage(script), speech=_said((0, 1, "a" * 300), (1, 2, "b" * 300)))
    assert [(run.status, run.language) for run in runs[1:]] == [(OK, ""), (DetectorStatus.UNSUPPORTED_LANGUAGE, "sv")]


@pytest.mark.parametrize("status", [DetectorStatus.PENDING, DetectorStatus.NO_CONTENT, *OUTAGES])
async def test_audio_without_words_yet_leaves_text_detectors_with_its_status(status: DetectorStatus) -> None:
    speech = ScriptedSpeechStage(SpeechFindings(DetectorScores("audio_speech", "1", status)))
    assert _statuses(await _runs(LISTEN, speech=speech)) == {"audio_speech": status, "text_harm": status}


async def test_what_nothing_can_look_at_is_told_by_detector_and_a_part_that_nothing_looks_at_once() -> None:
    some = PartPlan(COVER, images=("image_unsafe",), unreached=("text_harm",))
    none = PartPlan(CLIP, unreached=("text_harm", "text_spam"))
    runs = await _runs(some, none)
    assert [(run.name, run.part, run.status) for run in runs] == [
        ("image_unsafe", "cover", OK),
        ("text_harm", "cover", DetectorStatus.NOT_COVERED),
        ("", "clip", DetectorStatus.NOT_COVERED),
    ]
