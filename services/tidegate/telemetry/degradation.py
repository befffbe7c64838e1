"""What a decision that lacked a signal came to: was something broken, and did content get through that nobody judged?

Pure, from the record. What is alerted on (`observability/rules/`): LET_THROUGH after an OUTAGE is the one thing that
Tidegate promises not to do by default, and HELD after an OUTAGE is what people wait for and reviewers drown in.
"""

from collections.abc import Sequence
from enum import StrEnum

from tidegate.moderation.decision import Action, Completeness, DecisionRecord, RuleValue
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus

_BROKEN = {DetectorStatus.TIMED_OUT, DetectorStatus.FAILED}
_BROKEN_LOOKUPS = {LookupStatus.TIMED_OUT, LookupStatus.FAILED}


class Cause(StrEnum):
    """Why a signal was lacking."""

    OUTAGE = "OUTAGE"
    """Something was late, broken or out of date."""
    INPUT = "INPUT"
    """Nothing was: no detector reads this language or kind of part, the file can't be decoded, audio is still heard."""


class Outcome(StrEnum):
    """What the decision came to without it."""

    SETTLED = "SETTLED"
    """No rule needed it."""
    HELD = "HELD"
    """Some rule did, and the content waits for a person or is blocked."""
    LET_THROUGH = "LET_THROUGH"
    """Some rule did, and the content is seen all the same: `fail_open`, or a named action milder than REVIEW."""


def degradation_of(record: DecisionRecord, *, failed_open: Sequence[str]) -> tuple[Cause, Outcome] | None:
    """Cause and outcome; None if every signal was there or none was missed.

    Args:
        record: The decision.
        failed_open: Ids of its live rules that were unknown and whose fallback is to let the content through.
    """
    unknown = bool(failed_open) or any(each.value is RuleValue.UNKNOWN for each in record.violations)
    if record.completeness is Completeness.COMPLETE and not unknown:
        return None
    return _cause(record), _outcome(record.action, unknown=unknown)


def _cause(record: DecisionRecord) -> Cause:
    broken = any(run.status in _BROKEN and not run.shadow for run in record.inputs.detectors)
    return Cause.OUTAGE if broken or _is_broken(record.inputs.account) else Cause.INPUT


def _is_broken(account: AccountSignals) -> bool:
    if account.status in _BROKEN_LOOKUPS:
        return True
    return any(value.freshness is Freshness.STALE for value in account.values)


def _outcome(action: Action, *, unknown: bool) -> Outcome:
    if not unknown:
        return Outcome.SETTLED
    return Outcome.HELD if action.severity_order >= Action.REVIEW.severity_order else Outcome.LET_THROUGH
