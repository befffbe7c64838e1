"""What callers get for images and audio: from the real ingress, pipeline and policies, over scripted detectors."""

import io
from dataclasses import replace

import grpc
import pytest
from PIL import Image

from tests.serving.in_process import ScriptedImages, ScriptedSpeech, ScriptedText, nothing_found, scored, serving
from tests.serving.refusals import status_of_call, wrong_fields
from tests.serving.requests import request
from tidegate.api.moderation.v1 import content_pb2, decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.speech_port import SpeechFindings
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.moderation.item import TranscriptSegment
from tidegate.serving.settings import load_settings


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    return out.getvalue()


def _with(*parts: content_pb2.ContentPart, surface: content_pb2.Surface.ValueType) -> pb.ModerateRequest:
    asked = request()
    asked.item.surface = surface
    asked.item.parts.extend(parts)
    return asked


def _playlist(cover: bytes) -> pb.ModerateRequest:
    part = content_pb2.ContentPart(id="cover", image=content_pb2.ImagePart(data=cover))
    return _with(part, surface=content_pb2.SURFACE_PLAYLIST)


def _episode() -> pb.ModerateRequest:
    part = content_pb2.ContentPart(id="clip", audio=content_pb2.AudioPart(data=b"fLaC" + b"\0" * 40))
    return _with(part, surface=content_pb2.SURFACE_PODCAST_EPISODE)


def _adult(severity: int) -> ScriptedImages:
    def script(asked: ImageRequest) -> ImageFindings:
        scores = {name: nothing_found(name) for name in asked.detectors}
        if "image_unsafe" in scores:
            scores["image_unsafe"] = replace(
                scores["image_unsafe"], scores={"adult": severity / 7}, severities={"adult": severity}
            )
        return ImageFindings(tuple(scores.values()), words="words of the cover")

    return ScriptedImages(script)


def _said(status: DetectorStatus, *segments: TranscriptSegment) -> ScriptedSpeech:
    return ScriptedSpeech(SpeechFindings(DetectorScores("audio_speech", "1", status), segments))


async def test_a_bare_cover_is_for_adults_and_the_decision_names_the_part() -> None:
    async with serving(images=_adult(5)) as served:
        decision = (await served.stub.Moderate(_playlist(_png()))).decision
    (violation,) = decision.violations
    assert decision.action == decision_pb2.ACTION_AGE_RESTRICT
    assert (violation.rule, violation.part) == ("cover_adult", "cover")
    assert decision.completeness == decision_pb2.COMPLETENESS_COMPLETE
    assert {"images", "text"} <= set(decision.hops)


async def test_words_on_a_cover_are_decided_on_like_any_others() -> None:
    text = ScriptedText(lambda words: scored(hate=7 if "cover" in words else 0))
    async with serving(text=text, images=_adult(0)) as served:
        decision = (await served.stub.Moderate(_playlist(_png()))).decision
    assert decision.action == decision_pb2.ACTION_BLOCK
    assert {violation.part for violation in decision.violations} == {"cover"}


async def test_a_cover_that_the_stage_can_not_read_is_data_and_not_recommended() -> None:
    def unreadable(asked: ImageRequest) -> ImageFindings:
        return ImageFindings(tuple(DetectorScores(name, "1", DetectorStatus.UNREADABLE) for name in asked.detectors))

    async with serving(images=ScriptedImages(unreadable)) as served:
        decision = (await served.stub.Moderate(_playlist(_png()))).decision
    runs = [run for run in decision.detectors if run.part == "cover"]
    assert {run.status for run in runs} == {decision_pb2.DETECTOR_STATUS_UNREADABLE}
    assert decision.action == decision_pb2.ACTION_LIMIT_REACH
    assert all(": UNREADABLE" in name for violation in decision.violations for name in violation.missing)


async def test_an_image_stage_that_hangs_costs_the_budget_and_the_title_still_counts() -> None:
    asked = _playlist(_png())
    asked.budget.FromMilliseconds(400)
    async with serving(images=ScriptedImages(delay_s=30)) as served:
        decision = (await served.stub.Moderate(asked)).decision
    status = {run.part: run.status for run in decision.detectors}
    assert status == {"text": decision_pb2.DETECTOR_STATUS_OK, "cover": decision_pb2.DETECTOR_STATUS_TIMED_OUT}
    assert decision.completeness == decision_pb2.COMPLETENESS_PARTIAL


async def test_what_is_said_is_decided_on_with_the_moment_it_is_said() -> None:
    text = ScriptedText(lambda words: scored(threat=7 if "harm" in words else 0))
    speech = _said(DetectorStatus.OK, TranscriptSegment(0, 4_000, "fine"), TranscriptSegment(12_000, 20_000, "harm"))
    async with serving(text=text, speech=speech) as served:
        decision = (await served.stub.Moderate(_episode())).decision
    run = next(run for run in decision.detectors if (run.part, run.name) == ("clip", "text_harm"))
    assert decision.action == decision_pb2.ACTION_BLOCK
    assert (run.moments["threat"].start_ms, run.moments["threat"].end_ms) == (0, 20_000)
    assert "speech" in decision.hops


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (DetectorStatus.PENDING, decision_pb2.ACTION_LIMIT_REACH),
        (DetectorStatus.UNSUPPORTED_LANGUAGE, decision_pb2.ACTION_LIMIT_REACH),
        (DetectorStatus.UNREADABLE, decision_pb2.ACTION_LIMIT_REACH),
        (DetectorStatus.NO_CONTENT, decision_pb2.ACTION_ALLOW),
    ],
)
async def test_audio_without_words_is_what_its_status_says(
    status: DetectorStatus, action: decision_pb2.Action.ValueType
) -> None:
    async with serving(speech=_said(status)) as served:
        decision = (await served.stub.Moderate(_episode())).decision
        again = (await served.stub.GetDecision(pb.GetDecisionRequest(decision_id=decision.decision_id))).decision
    assert decision.action == action
    runs = [run.status for run in decision.detectors if run.part == "clip"]
    assert set(runs) == {decision_pb2.DetectorStatus.Value(f"DETECTOR_STATUS_{status}")}
    assert again.detectors == decision.detectors


async def test_files_beyond_the_limits_are_refused_by_field() -> None:
    settings = load_settings(limits={"max_image_bytes": 40, "max_audio_bytes": 40})
    async with serving(settings=settings) as served:
        for asked, field in ((_playlist(_png()), "image"), (_episode(), "audio")):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await served.stub.Moderate(asked)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "at most 40 bytes" in wrong_fields(status_of_call(refused.value))[f"item.parts[1].{field}.data"]
