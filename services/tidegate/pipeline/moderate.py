"""One request, top to bottom. Read this first.

ingress (in `serving`) → here: plan → gather → decide → record → back to ingress. Every step is one named call; what
lies behind a step is a port. A finding is a result and an outage is data: this raises only if the decision can't be
recorded, or if its idempotency key was used for another item.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from opentelemetry.trace import Tracer

from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.budget import Budget
from tidegate.moderation.decision import DecisionInputs, DecisionRecord, PolicyOutcome, ShadowOutcome
from tidegate.moderation.errors import IdempotencyKeyReused
from tidegate.moderation.item import ContentItem, PartFacts
from tidegate.moderation.tracing import TraceContext
from tidegate.pipeline.archive import PolicyArchive
from tidegate.pipeline.coverage import Coverage
from tidegate.pipeline.gather import Gathered, Gatherer, Settled
from tidegate.pipeline.hops import Hops
from tidegate.pipeline.plan import Plan, Planner
from tidegate.pipeline.recording import RecordMaker
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.loader import PolicySet
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import current
from tidegate.telemetry.spans import span


@dataclass(frozen=True, slots=True)
class ModerationCall:
    """One request, decoded and checked."""

    item: ContentItem
    """What to decide on."""
    budget: Budget
    """Opened at ingress."""
    trace: TraceContext
    """The request's own span."""
    idempotency_key: str = ""
    """Empty if none."""
    explain: bool = False
    """Whether scores are to be traced back to words."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is durable in the ledger."""

    record: DecisionRecord
    """As it was recorded."""
    from_idempotency_key: bool
    """True if it was made before, under the same key."""
    hops_ms: Mapping[str, float]
    """Milliseconds by hop, the ledger's included."""
    failed_open: tuple[str, ...] = ()
    """See `PolicyOutcome.failed_open`."""


class ModerationPipeline:
    """The spine of a request."""

    def __init__(
        self,
        *,
        policies: PolicySet,
        coverage: Coverage,
        gatherer: Gatherer,
        ledger: DecisionLedger,
        archive: PolicyArchive,
        records: RecordMaker,
        tracer: Tracer,
    ) -> None:
        self._policies = policies
        self._planner = Planner(coverage)
        self._gatherer = gatherer
        self._ledger = ledger
        self._archive = archive
        self._records = records
        self._tracer = tracer

    async def moderate(self, call: ModerationCall) -> Decided:
        """Decides on one item and records the decision.

        Raises:
            LedgerUnavailable: The decision could not be made durable; there is none.
            IdempotencyKeyReused: The key was used for another item.
        """
        item, hops = call.item, Hops()
        facts = tuple(part.facts() for part in item.parts)
        fingerprint = item.fingerprint(facts)
        await self._archive.keep()
        earlier = await self._decided_before(call, fingerprint)
        if earlier is not None:
            return Decided(earlier, from_idempotency_key=True, hops_ms=hops.elapsed_ms)

        live = self._policies.live_for(item.surface, item.market)
        shadows = self._policies.shadows_for(item.surface, item.market)
        plan = self._plan(live, shadows, item)
        settled = partial(live.has_settled, item.market, facts)
        gathered = await self._gather(item, plan, call, hops, settled)
        inputs = _inputs(item, facts, gathered)
        outcome = self._decide(live, inputs, hops)
        shadow = self._decide_in_shadow(shadows, inputs)
        record = self._records.make(call, inputs, outcome, shadow, fingerprint=fingerprint, hops=hops)
        kept = await self._record(record, hops)
        repeated = kept.decision_id != record.decision_id
        return Decided(kept, from_idempotency_key=repeated, hops_ms=hops.elapsed_ms, failed_open=outcome.failed_open)

    async def _decided_before(self, call: ModerationCall, fingerprint: str) -> DecisionRecord | None:
        if not call.idempotency_key:
            return None
        earlier = await self._ledger.find_by_key(call.idempotency_key)
        if earlier is not None and earlier.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        return earlier

    def _plan(self, live: CompiledPolicy, shadows: Sequence[CompiledPolicy], item: ContentItem) -> Plan:
        with span(self._tracer, SpanName.PLAN) as made:
            plan = self._planner.plan(live, shadows, item.parts, market=item.market)
            if made.is_recording():
                made.set_attribute(Attribute.DETECTORS, plan.detectors)
            return plan

    async def _gather(
        self, item: ContentItem, plan: Plan, call: ModerationCall, hops: Hops, settled: Settled
    ) -> Gathered:
        with hops.timed("gather"), span(self._tracer, SpanName.GATHER) as made:
            made.set_attribute(Attribute.BUDGET_MS, round(call.budget.left_ms(), 3))
            return await self._gatherer.gather(
                item,
                plan,
                budget=call.budget,
                trace=current(made),
                hops=hops,
                settled=settled,
                explain=call.explain,
            )

    def _decide(self, policy: CompiledPolicy, inputs: DecisionInputs, hops: Hops) -> PolicyOutcome:
        with hops.timed("policy"), span(self._tracer, SpanName.POLICY_EVALUATE) as made:
            outcome = policy.decide(inputs)
            made.set_attribute(Attribute.POLICY_ID, outcome.policy.id)
            made.set_attribute(Attribute.POLICY_VERSION, outcome.policy.version)
            made.set_attribute(Attribute.RULES_FIRED, outcome.fired())
            return outcome

    def _decide_in_shadow(self, shadows: Sequence[CompiledPolicy], inputs: DecisionInputs) -> tuple[ShadowOutcome, ...]:
        if not shadows:
            return ()
        with span(self._tracer, SpanName.SHADOW_EVALUATE) as made:
            made.set_attribute(Attribute.SHADOW_COUNT, len(shadows))
            return tuple(policy.decide(inputs).in_shadow() for policy in shadows)

    async def _record(self, record: DecisionRecord, hops: Hops) -> DecisionRecord:
        with hops.timed("ledger"), span(self._tracer, SpanName.LEDGER_APPEND):
            return await self._ledger.append(record)


def _inputs(item: ContentItem, facts: tuple[PartFacts, ...], gathered: Gathered) -> DecisionInputs:
    return DecisionInputs(
        surface=item.surface,
        market=item.market,
        language=item.language,
        source=item.source,
        parts=facts,
        detectors=gathered.detectors,
        account=gathered.account,
    )
