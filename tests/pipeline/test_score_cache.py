"""The same text is scored once, whoever asks how often; an outage is asked about again."""

import asyncio
from dataclasses import replace

import pytest

from tests.pipeline.scripted_stages import ScriptedTextStage, harm
from tidegate.detectors.port import TextRequest
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.pipeline.score_cache import CachedTextStage
from tidegate.telemetry.propagation import UNTRACED

ASKED = TextRequest("buy followers", ("text_harm",), budget_ms=500, trace=UNTRACED)


def _failed(status: DetectorStatus) -> DetectorScores:
    return DetectorScores("text_harm", "1", status)


async def test_a_thousand_callers_with_the_same_text_cost_one_inference() -> None:
    stage = ScriptedTextStage(lambda _: (harm(5),), delay_s=0.01)
    cached = CachedTextStage(stage, entries=10)
    answers = await asyncio.gather(*(cached.score(ASKED) for _ in range(1_000)))
    assert set(map(repr, answers)) == {repr((harm(5),))}
    assert await cached.score(replace(ASKED, budget_ms=9)) == (harm(5),)
    assert len(stage.requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, text="buy followers!"),
        replace(ASKED, detectors=("text_harm", "text_spam")),
        replace(ASKED, shadows=(("text_harm", "2"),)),
        replace(ASKED, language="de"),
    ],
)
async def test_whatever_an_answer_depends_on_is_asked_about_apart(other: TextRequest) -> None:
    stage = ScriptedTextStage()
    cached = CachedTextStage(stage, entries=10)
    await cached.score(ASKED)
    await cached.score(other)
    assert stage.requests == [ASKED, other]


async def test_explanations_are_made_anew_and_not_kept() -> None:
    stage = ScriptedTextStage()
    cached = CachedTextStage(stage, entries=10)
    for request in (ASKED, replace(ASKED, explain=True), replace(ASKED, explain=True)):
        await cached.score(request)
    assert len(stage.requests) == 3


@pytest.mark.parametrize("status", [DetectorStatus.FAILED, DetectorStatus.TIMED_OUT])
async def test_an_outage_is_not_remembered(status: DetectorStatus) -> None:
    answers = iter([(_failed(status),), (harm(0),)])
    cached = CachedTextStage(ScriptedTextStage(lambda _: next(answers)), entries=10)
    assert await cached.score(ASKED) == (_failed(status),)
    assert await cached.score(ASKED) == (harm(0),)


async def test_a_caller_that_gives_up_takes_the_answer_from_nobody() -> None:
    stage = ScriptedTextStage(lambda _: (harm(3),), delay_s=0.02)
    cached = CachedTextStage(stage, entries=10)
    first, second, third = (asyncio.create_task(cached.score(ASKED)) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()  # waits for the first
    await asyncio.sleep(0)
    first.cancel()  # has asked the stage
    assert await third == (harm(3),)
    assert len(stage.requests) == 2


async def test_who_has_more_time_asks_again_where_another_ran_out_of_it() -> None:
    answers = iter([(_failed(DetectorStatus.TIMED_OUT),), (harm(1),)])
    cached = CachedTextStage(ScriptedTextStage(lambda _: next(answers), delay_s=0.01), entries=10)
    hasty, patient = asyncio.create_task(cached.score(ASKED)), asyncio.create_task(cached.score(ASKED))
    assert [await hasty, await patient] == [(_failed(DetectorStatus.TIMED_OUT),), (harm(1),)]


async def test_a_stage_that_breaks_breaks_for_each_caller_by_itself() -> None:
    class Broken(ScriptedTextStage):
        async def score(self, request: TextRequest) -> tuple[DetectorScores, ...]:
            await super().score(request)
            raise ConnectionError

    cached = CachedTextStage(Broken(), entries=10)
    found = await asyncio.gather(*(cached.score(ASKED) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [ConnectionError] * 3


async def test_no_more_than_its_entries_are_kept_and_the_longest_unused_goes() -> None:
    stage = ScriptedTextStage()
    cached = CachedTextStage(stage, entries=2)
    one, two, three = (replace(ASKED, text=text) for text in ("one", "two", "three"))
    for request in (one, two, one, three, one, two):
        await cached.score(request)
    assert [request.text for request in stage.requests] == ["one", "two", "three", "two"]
