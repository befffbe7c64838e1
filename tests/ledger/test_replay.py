"""Replay finds every decision that does not come out again, and only those. The policy engine is a small fake."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from tests.ledger.sample_records import SAMPLE_TIME, sample_inputs, sample_record
from tests.ledger.stores import LedgerStore
from tidegate.ledger.replay import Difference, DifferenceKind, Replay, Tally
from tidegate.moderation.decision import (
    Action,
    DecisionInputs,
    DecisionRecord,
    PolicyOutcome,
    PolicyReference,
    RuleValue,
    ShadowOutcome,
    Violation,
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A policy with one rule: harassment at or over the threshold goes to review."""

    reference: PolicyReference
    threshold: float

    def evaluate(self, inputs: DecisionInputs) -> PolicyOutcome:
        score = inputs.detectors[0].scores["harassment"]
        if score < self.threshold:
            return PolicyOutcome(self.reference, Action.ALLOW, (), ())
        violation = Violation("harassment", "harassment", Action.REVIEW, RuleValue.TRUE, score, self.threshold, "body")
        return PolicyOutcome(self.reference, Action.REVIEW, (violation,), ())


LIVE = Threshold(PolicyReference("comments", 3, "ab" * 32), 0.7)
SHADOW = Threshold(PolicyReference("comments-next", 1, "cd" * 32), 0.9)
BOTH = {LIVE.reference.digest: LIVE, SHADOW.reference.digest: SHADOW}


def document_of(policy: Threshold) -> str:
    return json.dumps({"digest": policy.reference.digest, "threshold": policy.threshold})


def compile_policy(document: str) -> Threshold:
    data = json.loads(document)
    return Threshold(BOTH[data["digest"]].reference, data["threshold"])


def shadow_of(outcome: PolicyOutcome) -> ShadowOutcome:
    return ShadowOutcome(outcome.policy, outcome.action, tuple(violation.rule for violation in outcome.violations))


def decided(score: float = 0.8, **changes: object) -> DecisionRecord:
    """A record as the two policies would have it."""
    inputs = sample_inputs(score)
    outcome = LIVE.evaluate(inputs)
    record = sample_record(
        inputs=inputs,
        policy=outcome.policy,
        action=outcome.action,
        violations=outcome.violations,
        shadow=(shadow_of(SHADOW.evaluate(inputs)),),
    )
    return replace(record, **changes)  # type: ignore[arg-type] # a test's own fields


class Written:
    """A ledger that a test fills and replays."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    async def write(self, records: Sequence[DecisionRecord], documents: Mapping[str, str]) -> None:
        ledger = self._store.ledger()
        await ledger.keep_policies(documents)
        for start in range(0, len(records), 100):
            await asyncio.gather(*(ledger.append(record) for record in records[start : start + 100]))
        await ledger.close()

    def replay(
        self, *, instead: Threshold | None = None, since_h: float | None = None
    ) -> tuple[list[Difference], Tally]:
        since = None if since_h is None else SAMPLE_TIME + timedelta(hours=since_h)
        with self._store.place.opened() as archive:
            again = Replay(
                archive,
                compile_policy=compile_policy,
                shadow_of=shadow_of,
                instead=None if instead is None else {instead.reference.id: instead},
            )
            return list(again.differences(since=since)), again.tally


@pytest.fixture
def written(store: LedgerStore) -> Written:
    return Written(store)


DOCUMENTS = {digest: document_of(policy) for digest, policy in BOTH.items()}


async def test_decisions_that_come_out_again_give_no_difference(written: Written) -> None:
    await written.write([decided(score / 1000) for score in range(1000)], DOCUMENTS)
    differences, tally = written.replay()
    assert differences == []
    assert (tally.decisions, tally.replayed, tally.differing) == (1000, 1000, 0)


async def test_another_action_is_reported_with_both(written: Written) -> None:
    altered = decided(action=Action.BLOCK)
    await written.write([decided(), altered, decided()], DOCUMENTS)
    [found], tally = written.replay()
    assert (found.kind, found.decision_id) == (DifferenceKind.ACTION, altered.decision_id)
    assert (found.recorded, found.replayed) == ("BLOCK", "REVIEW")
    assert (tally.replayed, tally.differing) == (3, 1)


async def test_the_last_bit_of_a_score_is_a_difference(written: Written) -> None:
    record = decided(0.8)
    nudged = replace(record.violations[0], score=0.8000000000000002)
    await written.write([replace(record, violations=(nudged,))], DOCUMENTS)
    [found], _ = written.replay()
    assert found.kind is DifferenceKind.VIOLATIONS


async def test_a_shadow_policy_that_comes_to_something_else_is_reported(written: Written) -> None:
    wrong = ShadowOutcome(SHADOW.reference, Action.BLOCK, ("harassment",))
    await written.write([decided(shadow=(wrong,))], DOCUMENTS)
    [found], _ = written.replay()
    assert (found.kind, found.policy_digest) == (DifferenceKind.SHADOW, SHADOW.reference.digest)


async def test_a_policy_that_was_not_kept_is_a_difference_for_each_decision(written: Written) -> None:
    records = [decided(decided_at=SAMPLE_TIME + timedelta(seconds=second)) for second in range(2)]
    await written.write(records, {SHADOW.reference.digest: document_of(SHADOW)})
    differences, tally = written.replay()
    assert [(each.kind, each.decision_id) for each in differences] == [
        (DifferenceKind.POLICY_MISSING, record.decision_id) for record in records
    ]
    assert (tally.decisions, tally.replayed, tally.differing) == (2, 0, 2)


@pytest.mark.parametrize("document", ["not JSON", '{"digest": "unknown"}'])
async def test_a_policy_that_does_not_compile_any_more_is_a_difference(written: Written, document: str) -> None:
    await written.write([decided()], {**DOCUMENTS, LIVE.reference.digest: document})
    [found], _ = written.replay()
    assert found.kind is DifferenceKind.POLICY_INVALID


async def test_a_policy_that_fails_on_the_inputs_is_a_difference_and_the_pass_goes_on(written: Written) -> None:
    unscored = replace(sample_inputs(), detectors=())
    await written.write([decided(inputs=unscored, shadow=()), decided()], DOCUMENTS)
    [found], tally = written.replay()
    assert found.kind is DifferenceKind.POLICY_INVALID
    assert tally.decisions == 2


async def test_another_policy_shows_what_would_change(written: Written) -> None:
    mild, clear = decided(0.75), decided(0.95)
    elsewhere = decided(policy=PolicyReference("profiles", 1, "ef" * 32))
    await written.write([mild, clear, elsewhere], DOCUMENTS)
    differences, tally = written.replay(instead=Threshold(PolicyReference("comments", 4, "00" * 32), 0.9))
    changed_actions = [each.decision_id for each in differences if each.kind is DifferenceKind.ACTION]
    assert changed_actions == [mild.decision_id]
    assert (tally.decisions, tally.replayed) == (3, 2)


async def test_only_decisions_since_a_moment_are_replayed(written: Written) -> None:
    records = [decided(decided_at=SAMPLE_TIME + timedelta(hours=hour)) for hour in range(4)]
    await written.write(records, DOCUMENTS)
    _, tally = written.replay(since_h=2)
    assert tally.decisions == 2


async def test_a_record_written_during_a_replay_is_replayed_too_and_none_twice(store: LedgerStore) -> None:
    """Pages are reads of their own; this crosses their edge."""
    written = Written(store)
    await written.write([decided() for _ in range(1000)], DOCUMENTS)
    with store.place.opened() as archive:
        payloads = archive.payloads()
        seen = [next(payloads) for _ in range(10)]
        await written.write([decided(decided_at=SAMPLE_TIME + timedelta(microseconds=1))], {})
        seen += payloads
    assert len(seen) == len(set(seen)) == 1001
