"""A decision that lacked a signal: whether something was broken, and whether content got through unjudged."""

from dataclasses import replace

import pytest

from tests.telemetry.decided import PART, decision
from tidegate.moderation.decision import Action, Completeness, DecisionRecord, RuleValue, Violation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.telemetry.degradation import Cause, Outcome, degradation_of

UNKNOWN = Violation("r", "c", Action.REVIEW, RuleValue.UNKNOWN)
FIRED = Violation("r", "c", Action.BLOCK, RuleValue.TRUE)


def partial(made: DecisionRecord) -> DecisionRecord:
    return replace(made, completeness=Completeness.PARTIAL)


def late(status: DetectorStatus = DetectorStatus.TIMED_OUT, *, shadow: bool = False) -> DetectorRun:
    return DetectorRun("text_harm", "3", status, PART, shadow=shadow)


def test_a_complete_decision_without_unknown_rules_lacked_nothing() -> None:
    assert degradation_of(decision(), failed_open=()) is None


@pytest.mark.parametrize(
    ("made", "failed_open", "expected"),
    [
        (decision(runs=(late(),)), (), Outcome.SETTLED),
        (decision(runs=(late(),), action=Action.BLOCK, violations=(FIRED,)), (), Outcome.SETTLED),
        (decision(runs=(late(),), action=Action.REVIEW, violations=(UNKNOWN,)), (), Outcome.HELD),
        (decision(runs=(late(),), action=Action.BLOCK, violations=(FIRED,)), ("s",), Outcome.HELD),
        (decision(runs=(late(),)), ("s",), Outcome.LET_THROUGH),
        (
            decision(runs=(late(),), action=Action.LABEL, violations=(replace(UNKNOWN, action=Action.LABEL),)),
            (),
            Outcome.LET_THROUGH,
        ),
    ],
)
def test_what_it_came_to_depends_on_whether_a_rule_was_unknown_and_on_the_action(
    made: DecisionRecord, failed_open: tuple[str, ...], expected: Outcome
) -> None:
    assert degradation_of(partial(made), failed_open=failed_open) == (Cause.OUTAGE, expected)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (DetectorStatus.TIMED_OUT, Cause.OUTAGE),
        (DetectorStatus.FAILED, Cause.OUTAGE),
        (DetectorStatus.UNSUPPORTED_LANGUAGE, Cause.INPUT),
        (DetectorStatus.UNREADABLE, Cause.INPUT),
        (DetectorStatus.PENDING, Cause.INPUT),
        (DetectorStatus.NOT_COVERED, Cause.INPUT),
    ],
)
def test_what_nobody_could_have_told_is_no_outage(status: DetectorStatus, cause: Cause) -> None:
    found = degradation_of(partial(decision(runs=(late(status),))), failed_open=())
    assert found is not None
    assert found[0] is cause


def test_a_shadow_that_is_late_is_no_outage() -> None:
    found = degradation_of(decision(runs=(late(shadow=True),)), failed_open=("s",))
    assert found == (Cause.INPUT, Outcome.LET_THROUGH)


@pytest.mark.parametrize(
    "account",
    [
        AccountSignals(LookupStatus.FAILED),
        AccountSignals(LookupStatus.TIMED_OUT),
        AccountSignals(LookupStatus.OK, known=True, values=(FeatureValue("v__f", 1, Freshness.STALE, None),)),
    ],
)
def test_signals_that_did_not_come_or_are_stale_are_an_outage(account: AccountSignals) -> None:
    found = degradation_of(partial(decision(account=account)), failed_open=())
    assert found == (Cause.OUTAGE, Outcome.SETTLED)
