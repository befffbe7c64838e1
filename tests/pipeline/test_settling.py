"""A cheap finding that settles the item spares dear detectors; without it everything runs."""

import time

import pytest

from tests.pipeline.scripted_stages import ScriptedImageStage, ScriptedSpeechStage, ScriptedTextStage, UnknownAccounts
from tidegate.moderation.budget import Budget
from tidegate.moderation.decision import Completeness
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import ContentItem, Part, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.pipeline.completeness import completeness_of
from tidegate.pipeline.gather import Gatherer
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.plan import PartPlan, Plan, Settling
from tidegate.pipeline.stages import Stages
from tidegate.telemetry.propagation import UNTRACED

TITLE = PartPlan(Part(id="title", kind=PartKind.TEXT, text="hello"), text=("text_harm",))
COVER = PartPlan(
    Part(id="cover", kind=PartKind.IMAGE, data=b"x"),
    images=("image_match", "image_unsafe"),
    reader="image_text",
    text=("text_harm",),
)


async def _gathered(
    *, settled: bool, kept: frozenset[str] = frozenset()
) -> tuple[tuple[DetectorRun, ...], ScriptedImageStage, ScriptedTextStage]:
    text, images = ScriptedTextStage(), ScriptedImageStage()
    gatherer = Gatherer(Stages(text, text, images, ScriptedSpeechStage(), UnknownAccounts()), versions=lambda _: "1")
    plan = Plan(parts=(TITLE, COVER), features=(), account=False, settling=Settling(frozenset({"image_match"}), kept))
    item = ContentItem("c", "a", Surface.PLAYLIST, "SE", (TITLE.part, COVER.part))
    asked: list[list[str]] = []

    def is_settled(runs: object) -> bool:
        asked.append([run.name for run in runs])  # type: ignore[attr-defined]  # a sequence of runs
        return settled

    gathered = await gatherer.gather(
        item, plan, budget=Budget.of_ms(5_000), trace=UNTRACED, hops=Hops(), settled=is_settled
    )
    assert asked == [["image_match"]]
    return gathered.detectors, images, text


async def test_once_settled_nothing_dear_is_asked_and_each_is_told_as_skipped() -> None:
    runs, images, text = await _gathered(settled=True)
    assert [request.detectors for request in images.requests] == [("image_match",)]
    assert not text.requests
    assert {(run.part, run.name): run.status for run in runs} == {
        ("title", "text_harm"): DetectorStatus.SKIPPED,
        ("cover", "image_match"): DetectorStatus.OK,
        ("cover", "image_unsafe"): DetectorStatus.SKIPPED,
        ("cover", "image_text"): DetectorStatus.SKIPPED,
        ("cover", "text_harm"): DetectorStatus.SKIPPED,
    }
    assert {run.version for run in runs} == {"1"}
    assert completeness_of(runs, AccountSignals(LookupStatus.NOT_NEEDED)) is Completeness.COMPLETE


async def test_a_cheap_one_that_hangs_does_not_keep_the_others_from_starting() -> None:
    text, images = ScriptedTextStage(), ScriptedImageStage(delay_s=30)
    gatherer = Gatherer(Stages(text, text, images, ScriptedSpeechStage(), UnknownAccounts()), versions=lambda _: "1")
    plan = Plan((TITLE, COVER), features=(), account=False, settling=Settling(frozenset({"image_match"}), frozenset()))
    item = ContentItem("c", "a", Surface.PLAYLIST, "SE", (TITLE.part, COVER.part))
    gathered = await gatherer.gather(
        item, plan, budget=Budget.of_ms(400), trace=UNTRACED, hops=Hops(), settled=lambda _: True
    )
    statuses = {(run.part, run.name): run.status for run in gathered.detectors}
    assert statuses["title", "text_harm"] is DetectorStatus.OK
    assert statuses["cover", "image_match"] is DetectorStatus.TIMED_OUT
    assert DetectorStatus.SKIPPED not in statuses.values()


async def test_not_settled_everything_runs_once() -> None:
    runs, images, text = await _gathered(settled=False)
    assert [request.detectors for request in images.requests] == [("image_match",), ("image_unsafe", "image_text")]
    assert [request.text for request in text.requests] == ["hello"]
    assert sorted((run.part, run.name) for run in runs) == [
        ("cover", "image_match"),
        ("cover", "image_text"),
        ("cover", "image_unsafe"),
        ("cover", "text_harm"),
        ("title", "text_harm"),
    ]


async def test_what_a_shadow_policy_reads_runs_even_so() -> None:
    runs, images, _ = await _gathered(settled=True, kept=frozenset({"image_unsafe"}))
    assert images.requests[1].detectors == ("image_unsafe",)
    assert all(run.status is not DetectorStatus.SKIPPED for run in runs if run.name == "image_unsafe")
    assert any(run.status is DetectorStatus.SKIPPED for run in runs)


async def test_no_picture_is_read_for_a_shadow_policy_once_the_item_is_settled() -> None:
    """Reading takes 0.3 s, and a shadow decides nothing: there the words are unknown, those of texts are not."""
    runs, images, text = await _gathered(settled=True, kept=frozenset({"text_harm"}))
    assert [request.detectors for request in images.requests] == [("image_match",)]
    assert [request.text for request in text.requests] == ["hello"]
    assert {(run.part, run.name): run.status for run in runs if run.name.endswith(("text", "harm"))} == {
        ("title", "text_harm"): DetectorStatus.OK,
        ("cover", "image_text"): DetectorStatus.SKIPPED,
        ("cover", "text_harm"): DetectorStatus.SKIPPED,
    }


@pytest.mark.parametrize("kept", [frozenset[str](), frozenset({"image_unsafe"})])
async def test_what_began_because_the_cheap_one_was_late_is_given_up_once_it_settles(kept: frozenset[str]) -> None:
    text, images = (
        ScriptedTextStage(),
        ScriptedImageStage(delays_s={"image_match": 0.3, "image_unsafe": 0.35, "image_text": 30}),
    )
    gatherer = Gatherer(Stages(text, text, images, ScriptedSpeechStage(), UnknownAccounts()), versions=lambda _: "1")
    plan = Plan((TITLE, COVER), features=(), account=False, settling=Settling(frozenset({"image_match"}), kept))
    item = ContentItem("c", "a", Surface.PLAYLIST, "SE", (TITLE.part, COVER.part))
    started = time.perf_counter()
    gathered = await gatherer.gather(
        item, plan, budget=Budget.of_ms(900), trace=UNTRACED, hops=Hops(), settled=lambda _: True
    )
    assert time.perf_counter() - started < 0.8
    statuses = {(run.part, run.name): run.status for run in gathered.detectors}
    assert statuses["cover", "image_match"] is DetectorStatus.OK
    assert statuses["cover", "image_text"] is DetectorStatus.SKIPPED
    assert statuses["cover", "image_unsafe"] is (DetectorStatus.OK if kept else DetectorStatus.SKIPPED)
    assert len(gathered.detectors) == 5


async def test_what_the_late_cheap_one_does_not_settle_is_answered_by_all() -> None:
    text, images = ScriptedTextStage(), ScriptedImageStage(delays_s={"image_match": 0.3, "image_text": 0.4})
    gatherer = Gatherer(Stages(text, text, images, ScriptedSpeechStage(), UnknownAccounts()), versions=lambda _: "1")
    plan = Plan((TITLE, COVER), features=(), account=False, settling=Settling(frozenset({"image_match"}), frozenset()))
    item = ContentItem("c", "a", Surface.PLAYLIST, "SE", (TITLE.part, COVER.part))
    gathered = await gatherer.gather(
        item, plan, budget=Budget.of_ms(900), trace=UNTRACED, hops=Hops(), settled=lambda _: False
    )
    assert len(gathered.detectors) == 5
    assert {run.status for run in gathered.detectors} <= {DetectorStatus.OK, DetectorStatus.NO_CONTENT}
