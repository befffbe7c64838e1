"""The adapter over a scripted server: what runs for whom, and what becomes of every kind of failure."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest

from tests.detectors.image_samples import asking, encoded, lettering, picture
from tests.detectors.image_stage import MATCH, NAMES, PICTURE, TEXT, UNSAFE, stage
from tests.detectors.requests import SAMPLED, recording
from tests.detectors.scripted_images import KnownColours, Logits, ScriptedTensorServer, redness
from tidegate.detectors.images import adapter
from tidegate.detectors.images.adapter import TritonImageDetectors
from tidegate.detectors.images.decoding import DecodedImage, decode
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.inference import InferenceError, InferenceTimeoutError, ModelMismatchError, TensorCall
from tidegate.moderation.detection import DetectorStatus
from tidegate.telemetry.recorder import Recorder

RED = encoded(picture(2))


async def test_only_the_detectors_that_are_asked_for_run() -> None:
    server, banks = ScriptedTensorServer(), KnownColours({"bank": (0, 0, 0)})
    (found,) = await stage(server, matcher=banks).inspect([asking(PICTURE, "image_match")])
    assert [one.detector for one in found.scores] == ["image_match"]
    assert found.words is None
    assert not server.calls
    (found,) = await stage(server, matcher=banks).inspect([asking(PICTURE, "image_unsafe")])
    assert [one.detector for one in found.scores] == ["image_unsafe"]
    assert (len(server.calls), banks.refreshed) == (1, 1)


async def test_answers_stand_in_the_order_asked_and_the_score_is_calibrated() -> None:
    answer = stage(ScriptedTensorServer(lambda call: np.full((len(call.tensors[0]), 1), 2.5, dtype=np.float32)))
    (found,) = await answer.inspect([asking(PICTURE, "image_match", "image_unsafe")])
    match, unsafe = found.scores
    assert (match.detector, unsafe.detector) == ("image_match", "image_unsafe")
    assert unsafe.scores == {"adult": UNSAFE.calibrate("adult", 2.5)}
    assert unsafe.severities == {"adult": UNSAFE.severity(unsafe.scores["adult"])}


@pytest.mark.parametrize("data", [b"", b"no image", PICTURE[: len(PICTURE) // 2]])
async def test_an_unreadable_image_is_unreadable_to_every_detector(data: bytes) -> None:
    server = ScriptedTensorServer()
    bad, good = await stage(server).inspect(
        [asking(data, "image_unsafe", "image_match", "image_text"), asking(PICTURE)]
    )
    assert [one.status for one in bad.scores] == [DetectorStatus.UNREADABLE] * 3
    assert not any(one.scores for one in bad.scores)
    assert bad.words is None
    assert good.scores[0].status is DetectorStatus.OK


async def test_beyond_the_limit_of_pixels_an_image_is_unreadable() -> None:
    (found,) = await stage(limits=ImageLimits(max_pixels=1_000)).inspect([asking(PICTURE)])
    assert found.scores[0].status is DetectorStatus.UNREADABLE


async def test_an_unknown_detector_fails_and_the_others_answer() -> None:
    (found,) = await stage().inspect([asking(PICTURE, "nonesuch", "image_unsafe")])
    assert [one.status for one in found.scores] == [DetectorStatus.FAILED, DetectorStatus.OK]


async def test_without_banks_image_match_is_not_live() -> None:
    made = TritonImageDetectors("127.0.0.1:1", specs=[UNSAFE, MATCH], tracer=Recorder(), server=ScriptedTensorServer())
    (found,) = await made.inspect([asking(PICTURE, *NAMES)])
    assert [one.status for one in found.scores] == [DetectorStatus.OK, DetectorStatus.FAILED]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InferenceTimeoutError("late"), DetectorStatus.TIMED_OUT),
        (InferenceError("gone"), DetectorStatus.FAILED),
        (RuntimeError("a bug"), DetectorStatus.FAILED),
    ],
)
async def test_one_detectors_outage_is_data_and_not_the_others(error: Exception, status: DetectorStatus) -> None:
    def fails(_: TensorCall) -> Logits:
        raise error

    (found,) = await stage(ScriptedTensorServer(fails)).inspect([asking(PICTURE, *NAMES)])
    assert [one.status for one in found.scores] == [status, DetectorStatus.OK]
    assert not found.scores[0].scores


async def test_banks_that_fail_do_not_cost_the_classifier() -> None:
    banks = KnownColours({}, failure=OSError("disk"))
    (found,) = await stage(matcher=banks).inspect([asking(PICTURE, *NAMES)])
    assert [one.status for one in found.scores] == [DetectorStatus.OK, DetectorStatus.FAILED]


async def test_a_failure_that_no_decoder_should_have_costs_its_own_image_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoder(data: bytes, limits: ImageLimits) -> DecodedImage:
        if data == RED:
            raise MemoryError
        return decode(data, limits)

    monkeypatch.setattr(adapter, "decode", decoder)
    first, second = await stage().inspect([asking(RED), asking(PICTURE)])
    assert (first.scores[0].status, second.scores[0].status) == (DetectorStatus.FAILED, DetectorStatus.OK)


async def test_equal_images_are_decoded_and_inferred_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def counting(data: bytes, limits: ImageLimits) -> DecodedImage:
        decoded.append(len(data))
        return decode(data, limits)

    monkeypatch.setattr(adapter, "decode", counting)
    server = ScriptedTensorServer()
    found = await stage(server).inspect([asking(bytes(bytearray(PICTURE)), *NAMES[: 1 + n % 2]) for n in range(6)])
    assert len(decoded) == 1
    assert len(server.calls) == 1
    assert [len(one.scores) for one in found] == [1, 2] * 3


async def test_nothing_is_asked_once_the_budget_is_gone() -> None:
    server = ScriptedTensorServer()
    (found,) = await stage(server).inspect([asking(PICTURE, *NAMES, budget_ms=0.0)])
    assert {one.status for one in found.scores} == {DetectorStatus.TIMED_OUT}
    assert not server.calls


async def test_equal_images_get_the_largest_budget_and_others_their_own() -> None:
    server = ScriptedTensorServer()
    answers = await stage(server).inspect(
        [asking(PICTURE, budget_ms=0.0), asking(PICTURE, budget_ms=20_000), asking(RED, budget_ms=0.0)]
    )
    assert [one.scores[0].status for one in answers] == [
        DetectorStatus.OK,
        DetectorStatus.OK,
        DetectorStatus.TIMED_OUT,
    ]


async def test_a_decoder_that_hangs_times_out_and_holds_its_own_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hangs(data: bytes, limits: ImageLimits) -> DecodedImage:
        if data == RED:
            let_go.wait(20)
        return decode(data, limits)

    monkeypatch.setattr(adapter, "decode", hangs)
    made = stage()
    try:
        slow, quick = await made.inspect([asking(RED, budget_ms=200), asking(PICTURE)])
        assert slow.scores[0].status is DetectorStatus.TIMED_OUT
        assert quick.scores[0].status is DetectorStatus.OK
    finally:
        let_go.set()
    (after,) = await made.inspect([asking(RED)])
    assert after.scores[0].status is DetectorStatus.OK


async def test_no_more_calls_are_in_flight_than_allowed() -> None:
    server = ScriptedTensorServer(delay_s=0.02)
    limits = ImageLimits(calls_at_a_time=2, images_at_a_time=20)
    batch = [asking(encoded(picture(seed))) for seed in range(12)]
    found = await stage(server, limits=limits).inspect(batch)
    assert {one.scores[0].status for one in found} == {DetectorStatus.OK}
    assert server.most_running == 2


async def test_answers_belong_to_their_images() -> None:
    shades = [encoded(picture().point(lambda value, top=top: value * top // 10)) for top in range(11)]
    server = ScriptedTensorServer(redness, delay_s=0.005)
    made = stage(server)
    batches = await asyncio.gather(*(made.inspect([asking(one) for one in shades]) for _ in range(3)))
    for found in batches:
        scores = [one.scores[0].scores["adult"] for one in found]
        assert scores == sorted(scores)
        assert len(set(scores)) == len(shades)


async def test_the_words_come_with_the_findings_where_they_were_asked_for() -> None:
    made = stage()
    data = encoded(lettering("Midnight Ferry"))
    plain = encoded(picture())
    reading, looking, nothing = await made.inspect(
        [asking(data, "image_text", "image_unsafe"), asking(data, "image_unsafe"), asking(plain, "image_text")]
    )
    assert reading.words == "Midnight Ferry"
    assert [one.status for one in reading.scores] == [DetectorStatus.OK] * 2
    assert (reading.scores[0].scores, looking.words) == ({}, None)
    assert (nothing.words, nothing.scores[0].status) == ("", DetectorStatus.NO_CONTENT)


@pytest.mark.parametrize("refusal", [ModelMismatchError("weights differ"), InferenceError("gone")])
async def test_a_server_that_is_away_or_serves_another_model_is_not_ready(refusal: Exception) -> None:
    made = stage(ScriptedTensorServer(refusal=refusal))
    assert not await made.ready()
    with pytest.raises(type(refusal)):
        await made.verify()


async def test_a_reader_with_another_packaged_model_is_not_ready_and_fails() -> None:
    other = replace(TEXT, packages=(replace(TEXT.packages[0], sha256="0" * 64),))
    made = stage(specs=(UNSAFE, other))
    assert not await made.ready()
    (found,) = await made.inspect([asking(PICTURE, "image_text", "image_unsafe")])
    assert [one.status for one in found.scores] == [DetectorStatus.FAILED, DetectorStatus.OK]


async def test_what_fits_is_ready() -> None:
    assert await stage().ready()


async def test_spans_lie_beneath_the_batch_and_hold_no_words() -> None:
    tracer, kept = recording()
    made = stage(tracer=tracer)
    data = encoded(lettering("trombone"))
    (found,) = await made.inspect([asking(data, "image_unsafe", "image_match", "image_text", trace=SAMPLED)])
    assert found.words == "trombone"
    spans = kept.get_finished_spans()
    (batch,) = (one for one in spans if one.name == "tidegate.image.inspect")
    beneath = {one.name for one in spans if one.parent and one.parent.span_id == batch.context.span_id}
    assert beneath == {"tidegate.image.decode", "tidegate.triton.infer", "tidegate.image.match", "tidegate.image.read"}
    assert "trombone" not in "".join(one.to_json() for one in spans)


async def test_only_sampled_requests_carry_a_traceparent() -> None:
    tracer, _ = recording()
    server = ScriptedTensorServer()
    made = stage(server, tracer=tracer)
    await made.inspect([asking(PICTURE)])
    await made.inspect([asking(PICTURE, trace=SAMPLED)])
    first, second = (call.traceparent for call in server.calls)
    assert first is None
    assert second is not None
    assert second.startswith(f"00-{SAMPLED.trace_id}-")


async def test_an_empty_batch_has_no_findings() -> None:
    assert await stage().inspect([]) == []
