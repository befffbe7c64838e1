"""Versions that are tried out are recorded, and neither decide nor delay."""

import asyncio
from dataclasses import replace

from tests.pipeline.scripted_stages import ScriptedImageStage, ScriptedSpeechStage, ScriptedTextStage, UnknownAccounts
from tidegate.moderation.budget import Budget
from tidegate.moderation.decision import Completeness
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import ContentItem, Part, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.pipeline.completeness import completeness_of
from tidegate.pipeline.gather import Gatherer, GatherLimits
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.plan import PartPlan, Plan
from tidegate.pipeline.stages import Stages
from tidegate.telemetry.propagation import UNTRACED

PART = Part(id="title", kind=PartKind.TEXT, text="hello")
PLAN = Plan(parts=(PartPlan(PART, text=("text_harm",)),), features=(), account=False)
ITEM = ContentItem("c", "a", Surface.COMMENT, "SE", (PART,))
LIVE = ("text_harm", "1", False)


async def _runs(
    live: ScriptedTextStage, shadow: ScriptedTextStage, *, grace_ms: float = 20.0, budget_ms: float = 60_000
) -> tuple[DetectorRun, ...]:
    gatherer = Gatherer(
        Stages(live, shadow, ScriptedImageStage(), ScriptedSpeechStage(), UnknownAccounts()),
        versions=lambda _: "1",
        shadows={"text_harm": ("2", "3"), "text_other": ("9",)},
        limits=GatherLimits(shadow_grace_ms=grace_ms),
    )
    gathered = await gatherer.gather(ITEM, PLAN, budget=Budget.of_ms(budget_ms), trace=UNTRACED, hops=Hops())
    return gathered.detectors


def _told(runs: tuple[DetectorRun, ...]) -> list[tuple[str, str, bool]]:
    return [(run.name, run.version, run.shadow) for run in runs]


async def test_they_are_asked_apart_and_recorded_as_shadows() -> None:
    live, shadow = ScriptedTextStage(), ScriptedTextStage()
    runs = await _runs(live, shadow, grace_ms=30_000)
    assert _told(runs) == [LIVE, ("text_harm", "2", True), ("text_harm", "3", True)]
    assert {run.status for run in runs} == {DetectorStatus.OK}
    assert [request.shadows for request in live.requests] == [()]
    assert [(request.detectors, request.shadows) for request in shadow.requests] == [
        ((), (("text_harm", "2"), ("text_harm", "3")))
    ]


async def test_a_slow_one_is_not_waited_for_beyond_its_grace() -> None:
    runs = await asyncio.wait_for(_runs(ScriptedTextStage(), ScriptedTextStage(delay_s=3_600)), timeout=30)
    assert [(run.version, run.status) for run in runs] == [
        ("1", DetectorStatus.OK),
        ("2", DetectorStatus.TIMED_OUT),
        ("3", DetectorStatus.TIMED_OUT),
    ]
    assert completeness_of(runs, AccountSignals(LookupStatus.NOT_NEEDED)) is Completeness.COMPLETE


async def test_a_broken_one_is_failed_and_nobody_minds() -> None:
    def broken(_: object) -> tuple[()]:
        raise RuntimeError("another model")

    runs = await _runs(ScriptedTextStage(), ScriptedTextStage(broken), grace_ms=30_000)
    assert [run.status for run in runs if run.shadow] == [DetectorStatus.FAILED] * 2


def test_completeness_does_not_count_them() -> None:
    bad = DetectorRun("text_harm", "2", DetectorStatus.FAILED, "title", shadow=True)
    good = replace(bad, version="1", status=DetectorStatus.OK, shadow=False)
    assert completeness_of((good, bad), AccountSignals(LookupStatus.NOT_NEEDED)) is Completeness.COMPLETE
