"""A decision, the inputs it was made from, and the record that is kept of it.

`decide(record.inputs, policy)` must give the record's action and violations again, bit for bit: whatever a policy can
read is in `DecisionInputs`, and nothing else is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, PartFacts, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus


class Action(StrEnum):
    """What to do with the content. `severity_order` gives mild to severe."""

    ALLOW = "ALLOW"
    LABEL = "LABEL"
    AGE_RESTRICT = "AGE_RESTRICT"
    LIMIT_REACH = "LIMIT_REACH"
    REVIEW = "REVIEW"
    BLOCK = "BLOCK"

    @property
    def severity_order(self) -> int:
        """0 for ALLOW to 5 for BLOCK."""
        return _ORDER[self]


_ORDER = {action: order for order, action in enumerate(Action)}


class Completeness(StrEnum):
    """Whether the signals that the policy asked for were there."""

    COMPLETE = "COMPLETE"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class RuleValue(StrEnum):
    """Kleene's three values. UNKNOWN means that an input was missing and the rest did not settle it."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """A policy document, exactly."""

    id: str
    """The policy's id."""
    version: int
    """Counting from 1."""
    digest: str
    """SHA-256 of the document in canonical form, 64 hex digits."""


@dataclass(frozen=True, slots=True)
class DecisionInputs:
    """All that a policy can read."""

    surface: Surface
    """Where the content appears."""
    market: str
    """ISO 3166-1 alpha-2."""
    language: str
    """BCP 47 hint; empty means unknown."""
    source: NoticeSource
    """What brought the item here."""
    parts: tuple[PartFacts, ...]
    """The item's parts, in the caller's order."""
    detectors: tuple[DetectorRun, ...]
    """Every planned detector on every part, and one NOT_COVERED run per part that none covers."""
    account: AccountSignals
    """What is known of the account."""

    @property
    def lack_what_was_late(self) -> bool:
        """Whether a detector of the live policy, or the account's signals, did not answer in time."""
        late = DetectorStatus.TIMED_OUT
        return self.account.status is LookupStatus.TIMED_OUT or any(
            run.status is late and not run.shadow for run in self.detectors
        )


@dataclass(frozen=True, slots=True)
class RuleEvaluation:
    """How one rule came out."""

    rule: str
    """The rule's id."""
    value: RuleValue
    """TRUE, FALSE or UNKNOWN."""
    missing: tuple[str, ...] = ()
    """Names of the missing inputs; empty unless UNKNOWN."""
    condition: str = ""
    """The rule's condition as written, for explanations."""
    score: float | None = None
    """Highest score seen for the rule's detector and label, if it has one."""
    threshold: float | None = None
    """The rule's threshold as a calibrated probability, if it has one."""
    part: str = ""
    """The part with that score; empty if the rule is about the whole item."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that added to the outcome: it fired, or it was unknown and its fallback is not ALLOW."""

    rule: str
    """The rule's id."""
    category: str
    """The policy category."""
    action: Action
    """What the rule, or its fallback, asks for."""
    value: RuleValue
    """TRUE or UNKNOWN."""
    score: float | None = None
    """Calibrated probability that met the threshold."""
    threshold: float | None = None
    """Calibrated probability that had to be met."""
    part: str = ""
    """The part that carried the score."""
    message: str = ""
    """The rule's words for the person affected."""
    missing: tuple[str, ...] = ()
    """Names of the missing inputs; empty unless UNKNOWN."""


@dataclass(frozen=True, slots=True)
class ShadowOutcome:
    """What a shadow policy would have decided on the same inputs."""

    policy: PolicyReference
    """The shadow policy."""
    action: Action
    """Its action."""
    rules: tuple[str, ...]
    """Ids of its rules that fired, most severe first."""


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """What one policy says about one set of inputs."""

    policy: PolicyReference
    """The policy."""
    action: Action
    """The most severe action of all violations, ALLOW if there is none."""
    violations: tuple[Violation, ...]
    """Most severe first, then in the policy's order."""
    evaluations: tuple[RuleEvaluation, ...]
    """Every rule for this surface and market, in the policy's order; empty if only the decision was asked for."""
    failed_open: tuple[str, ...] = ()
    """Ids of the rules that were unknown and whose fallback is ALLOW: they add nothing to the outcome."""

    def fired(self) -> tuple[str, ...]:
        """Ids of the rules that fired, most severe first."""
        return tuple(each.rule for each in self.violations if each.value is RuleValue.TRUE)

    def in_shadow(self) -> ShadowOutcome:
        """What is kept of it if the policy only looked on."""
        return ShadowOutcome(policy=self.policy, action=self.action, rules=self.fired())


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision as the ledger keeps it."""

    decision_id: str
    """Unique; sorts by time (UUIDv7 hex)."""
    trace_id: str
    """32 hex digits."""
    content_id: str
    """The caller's id of the content."""
    account_id: str
    """The account that published it."""
    decided_at: datetime
    """UTC."""
    inputs: DecisionInputs
    """What it was decided from."""
    policy: PolicyReference
    """The live policy."""
    action: Action
    """What was decided."""
    completeness: Completeness
    """Whether all signals were there."""
    violations: tuple[Violation, ...]
    """Why."""
    shadow: tuple[ShadowOutcome, ...] = ()
    """What the shadow policies said."""
    hops_ms: Mapping[str, float] | None = None
    """Time spent by hop, up to the moment of recording."""
    idempotency_key: str = ""
    """The caller's key; empty if none."""
    fingerprint: str = ""
    """`ContentItem.fingerprint`, to tell a repeat from a reused key."""
