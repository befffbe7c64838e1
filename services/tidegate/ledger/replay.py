"""Decides recorded decisions again, from their recorded inputs, and reports every difference.

A policy reads nothing but `DecisionInputs`, so the same policy must give the same outcome bit for bit, in any later
version of Tidegate. Knows no policy engine: the caller brings it as `compile_policy`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import orjson

from tidegate.ledger.archive import LedgerArchive
from tidegate.ledger.record_format import RecordFormatError, canonical_shadow, canonical_violations, decode
from tidegate.moderation.decision import DecisionInputs, DecisionRecord, PolicyOutcome, ShadowOutcome


class Evaluator(Protocol):
    """A compiled policy."""

    def evaluate(self, inputs: DecisionInputs) -> PolicyOutcome:
        """Decides."""
        ...


class DifferenceKind(StrEnum):
    """What differs."""

    ACTION = "ACTION"
    """Another action."""
    VIOLATIONS = "VIOLATIONS"
    """Other violations."""
    SHADOW = "SHADOW"
    """A shadow policy comes to something else."""
    POLICY_MISSING = "POLICY_MISSING"
    """The ledger does not hold the policy, so the decision can't be made again."""
    POLICY_INVALID = "POLICY_INVALID"
    """The kept policy does not compile any more, or fails on the inputs."""
    RECORD_UNREADABLE = "RECORD_UNREADABLE"
    """The record can't be read."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which one decision did not come out again."""

    kind: DifferenceKind
    """What differs."""
    decision_id: str
    """Of which decision; empty if the record can't be read."""
    policy_digest: str
    """By which policy."""
    recorded: object
    """As JSON, what was decided."""
    replayed: object
    """As JSON, what comes out now; for policies and records that fail, why."""


@dataclass(slots=True)
class Tally:
    """Counts as a replay goes on."""

    decisions: int = 0
    """Records read."""
    replayed: int = 0
    """Of those, decided again."""
    differing: int = 0
    """Of the records read, those with a difference."""


class Replay:
    """One pass over a ledger with flat memory."""

    def __init__(
        self,
        archive: LedgerArchive,
        *,
        compile_policy: Callable[[str], Evaluator],
        shadow_of: Callable[[PolicyOutcome], ShadowOutcome],
        instead: Mapping[str, Evaluator] | None = None,
    ) -> None:
        """Takes its sources.

        Args:
            archive: The ledger.
            compile_policy: From a kept policy document (canonical JSON) to something that evaluates. It may raise.
            shadow_of: How the pipeline sums up a shadow policy's outcome.
            instead: Other policies by id. If given, only decisions made by these ids are decided again, with these
                and without shadow policies, to see what would change.
        """
        self.tally = Tally()
        self._archive = archive
        self._compile = compile_policy
        self._shadow_of = shadow_of
        self._instead = instead
        self._compiled: dict[str, Evaluator | Difference] = {}

    def differences(
        self, *, since: datetime | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> Iterator[Difference]:
        """Decides again and yields each difference as it is found; `tally` counts along."""
        for payload in self._archive.payloads(since=since):
            self.tally.decisions += 1
            found = list(self._differences_of(payload))
            self.tally.differing += bool(found)
            yield from found
            progress(1)

    def _differences_of(self, payload: bytes) -> Iterator[Difference]:
        try:
            record = decode(payload)
        except RecordFormatError as cause:
            yield Difference(DifferenceKind.RECORD_UNREADABLE, "", "", None, str(cause))
            return
        if self._instead is not None:
            policy = self._instead.get(record.policy.id)
            if policy is not None:
                self.tally.replayed += 1
                yield from self._compare(record, policy)
            return
        yield from self._again(record)

    def _again(self, record: DecisionRecord) -> Iterator[Difference]:
        live = self._policy(record.policy.digest, record)
        if isinstance(live, Difference):
            yield live
        else:
            self.tally.replayed += 1
            yield from self._compare(record, live)
        for recorded in record.shadow:
            policy = self._policy(recorded.policy.digest, record)
            if isinstance(policy, Difference):
                yield policy
            else:
                yield from self._compare_shadow(record, recorded, policy)

    def _compare(self, record: DecisionRecord, policy: Evaluator) -> Iterator[Difference]:
        outcome = _evaluated(policy, record, record.policy.digest)
        if isinstance(outcome, Difference):
            yield outcome
            return
        digest = record.policy.digest
        if outcome.action is not record.action:
            yield Difference(
                DifferenceKind.ACTION, record.decision_id, digest, record.action.value, outcome.action.value
            )
        recorded, replayed = canonical_violations(record.violations), canonical_violations(outcome.violations)
        if recorded != replayed:
            yield Difference(
                DifferenceKind.VIOLATIONS, record.decision_id, digest, orjson.loads(recorded), orjson.loads(replayed)
            )

    def _compare_shadow(self, record: DecisionRecord, shadow: ShadowOutcome, policy: Evaluator) -> Iterator[Difference]:
        digest = shadow.policy.digest
        outcome = _evaluated(policy, record, digest)
        if isinstance(outcome, Difference):
            yield outcome
            return
        recorded, replayed = canonical_shadow([shadow]), canonical_shadow([self._shadow_of(outcome)])
        if recorded != replayed:
            yield Difference(
                DifferenceKind.SHADOW, record.decision_id, digest, orjson.loads(recorded)[0], orjson.loads(replayed)[0]
            )

    def _policy(self, digest: str, record: DecisionRecord) -> Evaluator | Difference:
        if digest not in self._compiled:
            self._compiled[digest] = self._compiled_or_why(digest)
        found = self._compiled[digest]
        if isinstance(found, Difference):
            return Difference(found.kind, record.decision_id, digest, None, found.replayed)
        return found

    def _compiled_or_why(self, digest: str) -> Evaluator | Difference:
        document = self._archive.policy_document(digest)
        if document is None:
            return Difference(DifferenceKind.POLICY_MISSING, "", digest, None, "the ledger does not hold this policy")
        try:
            return self._compile(document)
        except Exception as cause:  # noqa: BLE001 - boundary to an injected engine: one bad policy must not end the pass
            return Difference(DifferenceKind.POLICY_INVALID, "", digest, None, f"does not compile: {cause}")


def _evaluated(policy: Evaluator, record: DecisionRecord, digest: str) -> PolicyOutcome | Difference:
    try:
        return policy.evaluate(record.inputs)
    except Exception as cause:  # noqa: BLE001 - boundary to an injected engine: one bad record must not end the pass
        return Difference(
            DifferenceKind.POLICY_INVALID, record.decision_id, digest, None, f"fails on the inputs: {cause}"
        )
