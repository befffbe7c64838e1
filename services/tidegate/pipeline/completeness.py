"""Whether the signals that the policy asked for were there, apart from what they said."""

from tidegate.moderation.decision import Completeness
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus

_ANSWERS = {DetectorStatus.OK, DetectorStatus.NO_CONTENT, DetectorStatus.SKIPPED}


def completeness_of(detectors: tuple[DetectorRun, ...], account: AccountSignals) -> Completeness:
    """COMPLETE if everything answered, FAILED if nothing did, PARTIAL between.

    That there was nothing to find is an answer, and so is that a detector was not needed any more. Shadows don't count.
    A value that is MISSING for an account the store does not know is an answer; a STALE one is an outage of
    whoever should have refreshed it.
    """
    good = [run.status in _ANSWERS for run in detectors if not run.shadow]
    if account.status is not LookupStatus.NOT_NEEDED:
        stale = any(value.freshness is Freshness.STALE for value in account.values)
        good.append(account.status is LookupStatus.OK and not stale)
    if all(good):
        return Completeness.COMPLETE
    return Completeness.PARTIAL if any(good) else Completeness.FAILED
