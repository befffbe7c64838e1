"""Step 3: obtains what detectors say and account signals concurrently, each within its own budget.

An outage is data: a stage that is late or broken becomes TIMED_OUT or FAILED in here, and never an exception above.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import ContentItem
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.inspection import PartInspector
from tidegate.pipeline.plan import PartPlan, Plan
from tidegate.pipeline.scoring import StageCall, TextScoring
from tidegate.pipeline.shadows import ShadowRuns
from tidegate.pipeline.side_by_side import all_of
from tidegate.pipeline.stages import Stages

logger = logging.getLogger(__name__)

Settled = Callable[[Sequence[DetectorRun]], bool]
"""Whether the item is settled by these runs."""

_NOT_NEEDED = AccountSignals(status=LookupStatus.NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class GatherLimits:
    """How a request's budget is divided."""

    features_share: float = 0.5
    """Share of the budget that the lookup of account signals may take."""
    reading_share: float = 0.8
    """Share that images and speech may take where their words are scored afterwards."""
    settling_share: float = 0.3
    """Share that is waited for detectors that may settle the item, before the others start all the same."""
    reserve_ms: float = 10.0
    """Kept back from the budget for deciding and recording."""
    shadow_grace_ms: float = 20.0
    """The longest wait for versions that are tried out, once everything else is there."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the stages answered."""

    detectors: tuple[DetectorRun, ...]
    """In part order; of each part the live versions, then what does not look at it, then shadows."""
    account: AccountSignals
    """The account's signals."""


class Gatherer:
    """Fans out to the stages and waits for no longer than the budget."""

    def __init__(
        self,
        stages: Stages,
        *,
        versions: Callable[[str], str],
        shadows: Mapping[str, tuple[str, ...]] | None = None,
        limits: GatherLimits | None = None,
        every_signal: bool = False,
    ) -> None:
        """Wires the stages.

        Args:
            stages: The stages.
            versions: The live version of a detector by name, for runs that never answered.
            shadows: Versions of text detectors that are tried out, by name.
            limits: How a request's budget is divided.
            every_signal: Keeps what the lookup tells of an account beyond what the item's policies read.
        """
        self._every_signal = every_signal
        self._signals = stages.signals
        self._versions = versions
        self._shadows = shadows or {}
        self._limits = limits or GatherLimits()
        self._shadow_text = TextScoring(stages.shadow_text, versions=versions)
        self._inspector = PartInspector(
            text=TextScoring(stages.text, versions=versions),
            images=stages.images,
            speech=stages.speech,
            versions=versions,
            reading_share=self._limits.reading_share,
        )

    async def gather(
        self,
        item: ContentItem,
        plan: Plan,
        *,
        budget: Budget,
        trace: TraceContext,
        hops: Hops,
        settled: Settled = lambda _: False,
        explain: bool = False,
    ) -> Gathered:
        """Runs the plan. Returns at the latest when the budget, less the reserve, is gone."""
        allowed = budget.cut_ms(max(0.0, budget.left_ms() - self._limits.reserve_ms))
        call = StageCall(budget=allowed, trace=trace, hops=hops, language=item.language, explain=explain)
        shadows = ShadowRuns(self._shadow_text, self._shadows)
        try:
            account, runs = await self._answers(item, plan, call, shadows, settled)
            grace_s = min(self._limits.shadow_grace_ms / 1000.0, allowed.left_s())
            runs += await shadows.collected(grace_s=grace_s)
        finally:
            shadows.give_up()
        return Gathered(detectors=_ordered(runs, plan), account=account)

    async def _answers(
        self, item: ContentItem, plan: Plan, call: StageCall, shadows: ShadowRuns, settled: Settled
    ) -> tuple[AccountSignals, list[DetectorRun]]:
        """Account and detectors side by side. Only one of them needs a task of its own."""
        if not plan.account:
            return _NOT_NEEDED, await self._detected(plan, call, shadows, settled)
        account = asyncio.create_task(self._account(item, plan, call))
        try:
            runs = await self._detected(plan, call, shadows, settled)
            return await account, runs
        finally:
            account.cancel()

    async def _detected(self, plan: Plan, call: StageCall, shadows: ShadowRuns, settled: Settled) -> list[DetectorRun]:
        unreached = [run for part in plan.parts for run in _unreached(part)]
        if plan.settling is None:
            return await self._inspected(plan.parts, call, shadows) + unreached
        first, rest = _split(plan.parts, plan.settling.first)
        kept, spared = _split(rest, plan.settling.kept)
        begun = asyncio.create_task(self._inspected(first, call, shadows))
        others: list[asyncio.Task[list[DetectorRun]]] = []
        try:
            await asyncio.wait({begun}, timeout=call.budget.left_s() * self._limits.settling_share)
            if not begun.done():
                others = [asyncio.create_task(self._inspected(parts, call, shadows)) for parts in (kept, spared)]
                await asyncio.wait({begun, others[-1]}, return_when=asyncio.FIRST_COMPLETED)
            dear = others[-1] if others else None
            if begun.done() and not (dear and dear.done()) and settled(begun.result()):
                ours = await others[0] if others else await self._inspected(kept, call, shadows)
                return [*begun.result(), *ours, *self._skipped(spared), *unreached]
            if not others:
                others = [asyncio.create_task(self._inspected(rest, call, shadows))]
            later = await asyncio.gather(*others)
            return [*await begun, *(run for runs in later for run in runs), *unreached]
        finally:
            for task in (begun, *others):
                task.cancel()

    async def _inspected(self, parts: Sequence[PartPlan], call: StageCall, shadows: ShadowRuns) -> list[DetectorRun]:
        found = await all_of([self._inspector.runs(part, call, shadows) for part in parts if part.detectors])
        return [run for part in found for run in part]

    def _skipped(self, parts: Sequence[PartPlan]) -> list[DetectorRun]:
        return [
            DetectorRun(name=name, version=self._versions(name), status=DetectorStatus.SKIPPED, part=part.part.id)
            for part in parts
            for name in part.detectors
        ]

    async def _account(self, item: ContentItem, plan: Plan, call: StageCall) -> AccountSignals:
        allowed = call.budget.cut_ms(call.budget.left_ms() * self._limits.features_share)
        request = SignalsRequest(account_id=item.account_id, budget_ms=allowed.left_ms(), trace=call.trace)
        with call.hops.timed("features"):
            try:
                async with asyncio.timeout(allowed.left_s()):
                    account = await self._signals.lookup(request)
            except TimeoutError:
                return _without_answer(LookupStatus.TIMED_OUT, plan)
            except Exception as error:  # noqa: BLE001 - fan-out: whatever broke the lookup is its outage
                logger.warning("feature lookup failed: %s", type(error).__name__)
                return _without_answer(LookupStatus.FAILED, plan)
        if account.status is not LookupStatus.OK:
            return _without_answer(account.status, plan)
        return account if self._every_signal else _asked(account, plan)


def _asked(account: AccountSignals, plan: Plan) -> AccountSignals:
    values = tuple([value for value in account.values if value[0] in plan.features])
    return account if len(values) == len(account.values) else AccountSignals(account.status, account.known, values)


def _split(parts: Sequence[PartPlan], names: AbstractSet[str]) -> tuple[list[PartPlan], list[PartPlan]]:
    """What these detectors can do without a reader, and what is left."""
    theirs = [part.without_reader(names) for part in parts]
    return theirs, [part.after(one) for part, one in zip(parts, theirs, strict=True)]


def _unreached(plan: PartPlan) -> list[DetectorRun]:
    """One run that says so if nothing at all looks at the part, else one for each detector that can't."""
    names = plan.unreached if plan.detectors else ("",)
    return [DetectorRun(name, "", DetectorStatus.NOT_COVERED, plan.part.id) for name in names]


def _ordered(runs: Sequence[DetectorRun], plan: Plan) -> tuple[DetectorRun, ...]:
    position = {part.part.id: index for index, part in enumerate(plan.parts)}
    return tuple(sorted(runs, key=lambda run: (position[run.part], run.shadow)))


def _without_answer(status: LookupStatus, plan: Plan) -> AccountSignals:
    values = tuple(FeatureValue(name, None, Freshness.MISSING, None) for name in plan.features)
    return AccountSignals(status=status, values=values)
