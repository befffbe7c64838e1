"""The adapter on a real Triton: real scores, real outages."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.detectors.requests import asking
from tests.models.running_triton import RunningTriton, free_port, running
from tidegate.detectors.inference import ModelMismatchError
from tidegate.detectors.triton_adapter import TritonTextDetectors
from tidegate.models.catalogue import DetectorSpec, TensorSpec, TensorType, catalogue
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.telemetry.recorder import Recorder

pytestmark = pytest.mark.integration

SPEC = catalogue()["text_harm"]


@asynccontextmanager
async def connected(address: str, spec: DetectorSpec = SPEC) -> AsyncIterator[TritonTextDetectors]:
    stage = TritonTextDetectors(address, specs=[spec], tracer=Recorder())
    try:
        yield stage
    finally:
        await stage.close()


async def scored(stage: TritonTextDetectors, *texts: str) -> list[DetectorScores]:
    return [answer[0] for answer in await stage.score([asking(text) for text in texts])]


async def test_an_insult_scores_above_a_compliment(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        insult, compliment = await scored(stage, "You are such a stupid idiot.", "You are such a wonderful singer.")
    assert insult.severities["harassment"] >= 4
    assert max(compliment.severities.values()) <= 2


async def test_an_explained_score_names_the_word_that_carries_it(triton: RunningTriton) -> None:
    text = "Their host is a complete moron, but I like the chorus."
    async with connected(triton.address) as stage:
        ((explained,),) = await stage.score([replace(asking(text), explain=True)])
        ((plain,),) = await stage.score([asking(text)])
    heaviest = next(one for one in explained.attributions if one.label == "harassment")
    assert text[heaviest.start : heaviest.end] == "moron,"
    assert heaviest.weight > 0
    assert plain.attributions == ()
    assert plain.scores == explained.scores


async def test_a_text_scores_the_same_alone_and_among_others(triton: RunningTriton) -> None:
    texts = ["Great song", "what an ignorant fool you are " * 3, "Late Night Drive", "word " * 500, "ok"]
    async with connected(triton.address) as stage:
        together = await scored(stage, *texts)
        for text, among_others in zip(texts, together, strict=True):
            (alone,) = await scored(stage, text)
            assert alone.scores == pytest.approx(among_others.scores, abs=1e-4)


async def test_no_request_waits_for_a_lost_wake_up(triton: RunningTriton) -> None:
    """With limits on its queue Triton 2.51 left single requests lying for 500 ms or until they expired."""
    texts = ["ok", "Great song", "what a day " * 4, "word " * 60]
    taken = []
    async with connected(triton.address) as stage:
        for _ in range(60):
            began = time.monotonic()
            assert {one.status for one in await scored(stage, *texts)} == {DetectorStatus.OK}
            taken.append(time.monotonic() - began)
    stuck = [one for one in taken if one > 0.45]
    assert len(stuck) <= len(taken) // 4, f"{len(stuck)} of {len(taken)} batches took longer than 450 ms"


async def test_an_insult_at_the_end_of_a_long_text_is_found(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        (found,) = await scored(stage, "We talked about the weather and the garden. " * 80 + "You are a stupid idiot.")
    assert found.severities["harassment"] >= 4


async def test_a_server_that_fits_is_ready(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        await stage.verify()
        assert await stage.ready()


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, weights_sha256="0" * 64),
        replace(SPEC, output=TensorSpec("logits", TensorType.FP32, (7,))),
        replace(SPEC, inputs=SPEC.inputs[:1]),
    ],
)
async def test_a_server_with_another_model_is_refused(triton: RunningTriton, other: DetectorSpec) -> None:
    async with connected(triton.address, other) as stage:
        with pytest.raises(ModelMismatchError):
            await stage.verify()
        assert not await stage.ready()


async def test_another_version_is_not_served(triton: RunningTriton) -> None:
    async with connected(triton.address, replace(SPEC, version="99")) as stage:
        assert not await stage.ready()
        (answer,) = await scored(stage, "hello")
        assert answer.status is DetectorStatus.FAILED


async def test_a_budget_too_small_for_the_server_is_a_timeout(triton: RunningTriton) -> None:
    async with connected(triton.address) as stage:
        ((answer,),) = await stage.score([asking("word " * 3_000, budget_ms=12)])
    assert answer.status is DetectorStatus.TIMED_OUT


async def test_no_server_is_an_outage_at_once() -> None:
    async with connected(f"127.0.0.1:{free_port()}") as stage:
        began = time.monotonic()
        (answer,) = await scored(stage, "hello")
        assert answer.status is DetectorStatus.FAILED
        assert time.monotonic() - began < 5
        assert not await stage.ready()


async def test_scores_come_back_after_the_server_was_killed(tmp_path: Path) -> None:
    with running(tmp_path) as triton:
        async with connected(triton.address) as stage:
            (before,) = await scored(stage, "hello there")
            assert triton.server.pid is not None
            os.kill(triton.server.pid, signal.SIGKILL)
            seen = set()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                (answer,) = await scored(stage, "hello there")
                seen.add(answer.status)
                if answer.status is DetectorStatus.OK and len(seen) > 1:
                    break
                await asyncio.sleep(0.1)
            assert seen >= {DetectorStatus.FAILED, DetectorStatus.OK}
            assert answer.scores == before.scores
            assert await stage.ready()
