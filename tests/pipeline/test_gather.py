"""The gather step: each stage in its own budget, outages as data."""

import asyncio
from datetime import UTC, datetime

from tests.pipeline.scripted_stages import ScriptedImageStage, ScriptedSpeechStage
from tidegate.detectors.port import TextRequest
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.budget import Budget
from tidegate.moderation.decision import Completeness
from tidegate.moderation.detection import DetectorRun, DetectorScores, DetectorStatus
from tidegate.moderation.item import ContentItem, Part, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.pipeline.completeness import completeness_of
from tidegate.pipeline.gather import Gathered, Gatherer, GatherLimits
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.plan import PartPlan, Plan
from tidegate.pipeline.stages import Stages
from tidegate.telemetry.propagation import UNTRACED

TITLE = Part(id="title", kind=PartKind.TEXT, text="hello")
NOTES = Part(id="notes", kind=PartKind.TEXT, text="world")
ITEM = ContentItem("c", "a", Surface.COMMENT, "SE", (TITLE, NOTES))
COVER = Part(id="cover", kind=PartKind.IMAGE, data=b"an image")
PLAN = Plan(
    parts=(
        PartPlan(TITLE, text=("text_harm",)),
        PartPlan(NOTES, text=("text_harm",)),
        PartPlan(COVER, unreached=("text_harm",)),
    ),
    features=("v__f",),
    account=True,
)
OK = DetectorScores("text_harm", "1", DetectorStatus.OK, {"hate": 0.1}, {"hate": 1})


class _Text:
    def __init__(self, *, delay_s: float = 0.0, error: Exception | None = None) -> None:
        self.delay_s, self.error = delay_s, error
        self.requests: list[TextRequest] = []

    async def score(self, request: TextRequest) -> tuple[DetectorScores, ...]:
        self.requests.append(request)
        await asyncio.sleep(self.delay_s)
        if self.error:
            raise self.error
        return (OK,)


class _Signals:
    def __init__(self, *, delay_s: float = 0.0, error: Exception | None = None) -> None:
        self.delay_s, self.error = delay_s, error
        self.requests: list[SignalsRequest] = []

    async def lookup(self, request: SignalsRequest) -> AccountSignals:
        self.requests.append(request)
        await asyncio.sleep(self.delay_s)
        if self.error:
            raise self.error
        return AccountSignals(LookupStatus.OK, known=False)


async def _gather(text: _Text, signals: _Signals, *, budget_ms: float = 1_000, plan: Plan = PLAN) -> Gathered:
    stages = Stages(text, text, ScriptedImageStage(), ScriptedSpeechStage(), signals)
    gatherer = Gatherer(stages, versions=lambda _: "1", limits=GatherLimits(features_share=0.5, reserve_ms=10))
    return await gatherer.gather(ITEM, plan, budget=Budget.of_ms(budget_ms), trace=UNTRACED, hops=Hops())


async def test_runs_come_in_part_order_and_uncovered_parts_are_listed() -> None:
    gathered = await _gather(_Text(), _Signals())
    assert [(run.part, run.status) for run in gathered.detectors] == [
        ("title", DetectorStatus.OK),
        ("notes", DetectorStatus.OK),
        ("cover", DetectorStatus.NOT_COVERED),
    ]


async def test_stages_are_told_what_is_left_of_the_budget_less_the_reserve() -> None:
    text, signals = _Text(), _Signals()
    await _gather(text, signals)
    assert 900 < text.requests[0].budget_ms <= 990
    assert 400 < signals.requests[0].budget_ms <= 495


async def test_a_late_lookup_is_timed_out_on_its_own_and_the_texts_still_count() -> None:
    gathered = await _gather(_Text(), _Signals(delay_s=30), budget_ms=100)
    assert gathered.account.status is LookupStatus.TIMED_OUT
    assert [value.freshness for value in gathered.account.values] == [Freshness.MISSING]
    assert gathered.detectors[0].status is DetectorStatus.OK


async def test_a_stage_that_raises_is_failed_with_the_live_version() -> None:
    gathered = await _gather(_Text(error=RuntimeError("x")), _Signals(error=OSError("y")))
    assert {(run.name, run.version, run.status) for run in gathered.detectors[:2]} == {
        ("text_harm", "1", DetectorStatus.FAILED)
    }
    assert gathered.account.status is LookupStatus.FAILED


async def test_a_budget_that_is_gone_asks_nobody_for_long() -> None:
    gathered = await _gather(_Text(delay_s=30), _Signals(delay_s=30), budget_ms=1)
    assert {run.status for run in gathered.detectors[:2]} == {DetectorStatus.TIMED_OUT}
    assert gathered.account.status is LookupStatus.TIMED_OUT


async def test_an_account_that_no_policy_reads_is_not_looked_up() -> None:
    signals = _Signals()
    plan = Plan(parts=(), features=(), account=False)
    gathered = await _gather(_Text(), signals, plan=plan)
    assert gathered.account.status is LookupStatus.NOT_NEEDED
    assert not signals.requests


def _run(status: DetectorStatus) -> DetectorRun:
    return DetectorRun(name="text_harm", version="1", status=status, part="p")


def test_completeness_is_about_what_answered_not_about_what_it_said() -> None:
    ok, failed = _run(DetectorStatus.OK), _run(DetectorStatus.FAILED)
    unknown = AccountSignals(LookupStatus.OK, known=False)
    down = AccountSignals(LookupStatus.FAILED)
    stale = AccountSignals(LookupStatus.OK, known=True, values=(FeatureValue("v__f", 1, Freshness.STALE, None),))
    assert completeness_of((ok,), unknown) is Completeness.COMPLETE
    assert completeness_of((ok,), AccountSignals(LookupStatus.NOT_NEEDED)) is Completeness.COMPLETE
    assert completeness_of((ok, failed), unknown) is Completeness.PARTIAL
    assert completeness_of((ok,), stale) is Completeness.PARTIAL
    assert completeness_of((failed,), unknown) is Completeness.PARTIAL
    assert completeness_of((failed,), down) is Completeness.FAILED


_READ = FeatureValue("v__f", 3, Freshness.FRESH, datetime(2026, 1, 1, tzinfo=UTC))
_UNREAD = FeatureValue("v__g", 4, Freshness.STALE, datetime(2025, 1, 1, tzinfo=UTC))


class _TellsMore(_Signals):
    async def lookup(self, request: SignalsRequest) -> AccountSignals:
        del request
        return AccountSignals(LookupStatus.OK, known=True, values=(_UNREAD, _READ))


async def test_of_an_account_only_what_the_policies_read_is_kept() -> None:
    gathered = await _gather(_Text(), _TellsMore())
    assert gathered.account == AccountSignals(LookupStatus.OK, known=True, values=(_READ,))
    assert completeness_of(gathered.detectors[:1], gathered.account) is Completeness.COMPLETE


async def test_all_of_it_is_kept_where_that_is_asked_for() -> None:
    stages = Stages(_Text(), _Text(), ScriptedImageStage(), ScriptedSpeechStage(), _TellsMore())
    gatherer = Gatherer(stages, versions=lambda _: "1", every_signal=True)
    gathered = await gatherer.gather(ITEM, PLAN, budget=Budget.of_ms(1_000), trace=UNTRACED, hops=Hops())
    assert gathered.account.values == (_UNREAD, _READ)
