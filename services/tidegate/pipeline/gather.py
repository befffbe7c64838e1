"""Step 3: obtains scores and account signals concurrently, each within its own budget.

An outage is data: a stage that is late or broken becomes TIMED_OUT or FAILED here, and never an exception above.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.detectors.port import TextRequest
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorRun, DetectorScores, DetectorStatus
from tidegate.moderation.item import ContentItem, Part
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.plan import Plan
from tidegate.pipeline.stages import SignalsStage, TextStage

logger = logging.getLogger(__name__)

_NOT_NEEDED = AccountSignals(status=LookupStatus.NOT_NEEDED)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the stages answered."""

    detectors: tuple[DetectorRun, ...]
    """In part order, then detector order, then uncovered parts."""
    account: AccountSignals
    """The account's signals."""


class Gatherer:
    """Fans out to the stages and waits for no longer than the budget."""

    def __init__(
        self,
        *,
        text: TextStage,
        signals: SignalsStage,
        versions: Callable[[str], str],
        features_share: float,
        reserve_ms: float,
    ) -> None:
        """Wires the stages.

        Args:
            text: The detector stage.
            signals: The lookup stage.
            versions: The live version of a detector by name, for runs that never answered.
            features_share: Share of the budget that the lookup may take.
            reserve_ms: Kept back from the budget for deciding and recording.
        """
        self._text = text
        self._signals = signals
        self._versions = versions
        self._features_share = features_share
        self._reserve_ms = reserve_ms

    async def gather(
        self, item: ContentItem, plan: Plan, *, budget: Budget, trace: TraceContext, hops: Hops
    ) -> Gathered:
        """Runs the plan. Returns at the latest when the budget, less the reserve, is gone."""
        allowed = budget.cut_ms(max(0.0, budget.left_ms() - self._reserve_ms))
        with_words = [
            self._scored(part, words, plan, allowed=allowed, trace=trace, hops=hops) for part, words in plan.texts
        ]
        account, runs = await asyncio.gather(
            self._account(item, plan, allowed, trace, hops), asyncio.gather(*with_words)
        )
        uncovered = tuple(
            DetectorRun(name="", version="", status=DetectorStatus.NOT_COVERED, part=part) for part in plan.uncovered
        )
        return Gathered(detectors=tuple(run for part in runs for run in part) + uncovered, account=account)

    async def _scored(
        self, part: Part, words: str, plan: Plan, *, allowed: Budget, trace: TraceContext, hops: Hops
    ) -> tuple[DetectorRun, ...]:
        request = TextRequest(text=words, detectors=plan.detectors, budget_ms=allowed.left_ms(), trace=trace)
        started = time.perf_counter()
        with hops.timed("text"):
            answers = await self._answers(request, allowed)
        latency_ms = round((time.perf_counter() - started) * 1000.0, 3)
        return tuple(
            DetectorRun(
                name=answer.detector,
                version=answer.version,
                status=answer.status,
                part=part.id,
                latency_ms=latency_ms,
                scores=answer.scores,
                severities=answer.severities,
            )
            for answer in answers
        )

    async def _answers(self, request: TextRequest, budget: Budget) -> tuple[DetectorScores, ...]:
        try:
            async with asyncio.timeout(budget.left_s()):
                return await self._text.score(request)
        except TimeoutError:
            status = DetectorStatus.TIMED_OUT
        except Exception as error:  # noqa: BLE001 - fan-out: whatever broke a stage is that stage's outage
            logger.warning("text stage failed: %s", type(error).__name__)
            status = DetectorStatus.FAILED
        return tuple(
            DetectorScores(detector=name, version=self._versions(name), status=status) for name in request.detectors
        )

    async def _account(
        self, item: ContentItem, plan: Plan, budget: Budget, trace: TraceContext, hops: Hops
    ) -> AccountSignals:
        if not plan.account:
            return _NOT_NEEDED
        allowed = budget.cut_ms(budget.left_ms() * self._features_share)
        request = SignalsRequest(account_id=item.account_id, budget_ms=allowed.left_ms(), trace=trace)
        with hops.timed("features"):
            try:
                async with asyncio.timeout(allowed.left_s()):
                    account = await self._signals.lookup(request)
            except TimeoutError:
                return _without_answer(LookupStatus.TIMED_OUT, plan)
            except Exception as error:  # noqa: BLE001 - fan-out: whatever broke the lookup is its outage
                logger.warning("feature lookup failed: %s", type(error).__name__)
                return _without_answer(LookupStatus.FAILED, plan)
        return account if account.status is LookupStatus.OK else _without_answer(account.status, plan)


def _without_answer(status: LookupStatus, plan: Plan) -> AccountSignals:
    values = tuple(FeatureValue(name, None, Freshness.MISSING, None) for name in plan.features)
    return AccountSignals(status=status, values=values)
