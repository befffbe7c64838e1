"""The adapter over a scripted server: what it asks, and what it makes of every kind of answer."""

import asyncio

import numpy as np
import pytest

from tests.detectors.requests import SAMPLED, UNSAMPLED, asking, recording
from tests.detectors.scripted_server import Logits, ScriptedServer
from tidegate.detectors.inference import InferenceCall, InferenceError, InferenceTimeoutError, ModelMismatchError
from tidegate.detectors.null_adapter import NullTextDetectors
from tidegate.detectors.triton_adapter import TritonTextDetectors
from tidegate.models.catalogue import catalogue
from tidegate.moderation.detection import DetectorStatus
from tidegate.telemetry.recorder import Recorder

SPEC = catalogue()["text_harm"]


def detectors(server: ScriptedServer, tracer: Recorder | None = None) -> TritonTextDetectors:
    return TritonTextDetectors("127.0.0.1:1", specs=[SPEC], tracer=tracer or Recorder(), server=server)


async def test_answers_come_in_the_order_of_requests_whatever_their_lengths() -> None:
    def by_length(call: InferenceCall) -> Logits:
        lengths = call.bucket.mask.sum(axis=1, keepdims=True, dtype=np.int64).astype(np.float32)
        return np.repeat(lengths / np.float32(10), len(SPEC.labels), axis=1)

    texts = ["one", "two " * 40, "three " * 5, "four " * 90]
    answers = await detectors(ScriptedServer(by_length)).score([asking(text) for text in texts])
    found = [answer[0].scores["hate"] for answer in answers]
    assert found == pytest.approx([SPEC.calibrate("hate", (words + 2) / 10) for words in (1, 40, 5, 90)])


async def test_the_score_of_a_long_text_is_the_highest_of_its_windows() -> None:
    def last_is_high(call: InferenceCall) -> Logits:
        shortest = call.bucket.mask.sum(axis=1) < SPEC.text_input().max_tokens
        return np.where(shortest[:, None], 3.0, -3.0).repeat(len(SPEC.labels), axis=1).astype(np.float32)

    (answer,) = await detectors(ScriptedServer(last_is_high)).score([asking("word " * 300)])
    assert answer[0].scores["threat"] == SPEC.calibrate("threat", 3.0)
    assert answer[0].severities["threat"] == SPEC.severity(answer[0].scores["threat"])


async def test_equal_texts_are_inferred_once() -> None:
    server = ScriptedServer()
    answers = await detectors(server).score([asking("same")] * 5)
    assert sum(len(call.bucket.rows) for call in server.calls) == 1
    assert len(answers) == 5


@pytest.mark.parametrize(
    ("error", "status"),
    [(InferenceTimeoutError("late"), DetectorStatus.TIMED_OUT), (InferenceError("gone"), DetectorStatus.FAILED)],
)
async def test_an_outage_is_data_and_carries_no_score(error: Exception, status: DetectorStatus) -> None:
    def fails(_: InferenceCall) -> Logits:
        raise error

    ((answer,),) = await detectors(ScriptedServer(fails)).score([asking("hello")])
    assert (answer.status, dict(answer.scores), answer.version) == (status, {}, SPEC.version)


async def test_nothing_is_asked_once_the_budget_is_gone() -> None:
    server = ScriptedServer()
    ((answer,),) = await detectors(server).score([asking("hello", budget_ms=0.0)])
    assert answer.status is DetectorStatus.TIMED_OUT
    assert not server.calls


async def test_a_call_gets_what_is_left_of_the_largest_budget() -> None:
    server = ScriptedServer()
    await detectors(server).score([asking("a", budget_ms=50), asking("b", budget_ms=400)])
    assert all(0.2 < call.timeout_s <= 0.4 for call in server.calls)


async def test_an_unknown_detector_fails_and_the_others_answer() -> None:
    server = ScriptedServer()
    answers = await detectors(server).score([asking("hello", detector="nonesuch"), asking("hello")])
    assert [answer[0].status for answer in answers] == [DetectorStatus.FAILED, DetectorStatus.OK]


async def test_only_sampled_requests_carry_a_traceparent() -> None:
    tracer, kept = recording()
    server = ScriptedServer()
    stage = detectors(server, tracer)
    await stage.score([asking("hello", trace=UNSAMPLED)])
    await stage.score([asking("hello", trace=SAMPLED)])
    first, second = (call.traceparent for call in server.calls)
    assert first is None
    assert second is not None
    assert second.startswith(f"00-{SAMPLED.trace_id}-")
    assert [span.name for span in kept.get_finished_spans()] == ["tidegate.triton.infer", "tidegate.text.score"]


async def test_no_text_gets_into_spans() -> None:
    tracer, kept = recording()
    await detectors(ScriptedServer(), tracer).score([asking("trombone solo", trace=SAMPLED)])
    assert "trombone" not in "".join(span.to_json() for span in kept.get_finished_spans())


@pytest.mark.parametrize("refusal", [ModelMismatchError("weights differ"), InferenceError("gone")])
async def test_a_server_that_is_away_or_serves_another_model_is_not_ready(refusal: Exception) -> None:
    stage = detectors(ScriptedServer(refusal=refusal))
    assert not await stage.ready()
    with pytest.raises(type(refusal)):
        await stage.verify()


async def test_concurrent_batches_do_not_mix() -> None:
    def by_length(call: InferenceCall) -> Logits:
        return np.repeat(call.bucket.mask.sum(axis=1, keepdims=True), len(SPEC.labels), axis=1).astype(np.float32)

    stage = detectors(ScriptedServer(by_length, delay_s=0.01))
    answers = await asyncio.gather(*(stage.score([asking("word " * count)]) for count in range(1, 20)))
    assert [a[0][0].scores["hate"] for a in answers] == [SPEC.calibrate("hate", count + 2.0) for count in range(1, 20)]


async def test_the_null_adapter_answers_harmless_for_live_detectors_only() -> None:
    stage = NullTextDetectors(specs=[SPEC])
    answers = await stage.score([asking("hello"), asking("hello", detector="nonesuch")])
    assert set(answers[0][0].scores.values()) == {0.0}
    assert answers[1][0].status is DetectorStatus.FAILED
    assert await stage.ready()
    await stage.close()
