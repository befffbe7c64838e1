"""Deciding looks at few rules, and comes to what evaluating all of them comes to."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.policy_samples import compiled, failed, inputs, known_account, rule, scored
from tidegate.moderation.decision import DecisionInputs, RuleValue
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.readings import Readings

LABELS = ("hate", "threat", "sexual")
CONDITIONS = (
    None,
    "account.history.strikes >= 2",
    "account.known && severity.text_harm.threat >= 2",
    "score.text_spam.spam > 0.3 || item.language == 'de'",
    "account.history.strikes.fresh",
)
THRESHOLDS = st.one_of(
    st.none(),
    st.builds(
        lambda label, edge, measure: {
            "detector": "text_harm",
            "label": label,
            **({"min_severity": edge} if measure else {"min_score": edge / 10}),
        },
        st.sampled_from(LABELS),
        st.integers(1, 7),
        st.booleans(),
    ),
)
ACTIONS = st.sampled_from(["LABEL", "AGE_RESTRICT", "LIMIT_REACH", "REVIEW", "BLOCK"])
UNKNOWNS = st.sampled_from(["fail_closed", "fail_open", {"action": "LABEL"}])


@st.composite
def _rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(draw(st.integers(1, 8))):
        detects, when = draw(THRESHOLDS), draw(st.sampled_from(CONDITIONS))
        if detects is None and when is None:
            when = CONDITIONS[1]
        settles = {"action": "BLOCK", "settles": True} if detects and when is None and draw(st.booleans()) else {}
        told = {"action": draw(ACTIONS), "on_unknown": draw(UNKNOWNS), **settles}
        made.append(rule(f"r{number}", detects=detects, when=when, **told))
    return made


SEVERITIES = st.fixed_dictionaries({label: st.integers(0, 7) for label in LABELS})
RUNS = st.one_of(
    st.builds(lambda severities: scored(**severities), SEVERITIES),
    st.sampled_from(list(DetectorStatus)).map(lambda status: failed(status=status)),
)
SPAM = st.one_of(
    st.builds(lambda severity: scored(name="text_spam", spam=severity), st.integers(0, 7)),
    st.just(failed(name="text_spam", status=DetectorStatus.SKIPPED)),
)
ACCOUNTS = st.one_of(
    st.integers(0, 3).map(lambda strikes: known_account({"account_history__strikes": strikes})),
    st.just(known_account({}, stale=["account_history__strikes"])),
)


@settings(max_examples=150, deadline=None)
@given(_rules(), RUNS, SPAM, ACCOUNTS)
def test_deciding_comes_to_what_evaluating_every_rule_comes_to(
    rules: list[dict[str, Any]], harm: DetectorRun, spam: DetectorRun, account: Any
) -> None:
    policy, item = compiled(*rules), inputs(harm, spam, account=account)
    decided, evaluated = policy.decide(item), policy.evaluate(item)
    assert (decided.action, decided.violations) == (evaluated.action, evaluated.violations)
    assert decided.in_shadow() == evaluated.in_shadow()
    assert decided.evaluations == ()
    fired = {one.rule for one in evaluated.evaluations if one.value is RuleValue.TRUE}
    settled = any(one.settles and one.id in fired for one in policy.rules)
    assert policy.has_settled(item.market, item.parts, item.detectors) is settled


def test_rules_below_their_threshold_are_not_looked_at() -> None:
    edges = [
        rule(f"r{edge}", detects={"detector": "text_harm", "label": "hate", "min_severity": edge}) for edge in (7, 3, 5)
    ]
    policy, item = compiled(*edges), inputs(scored(hate=5))

    assert _looked_at(policy, item) == ["r3", "r5"]


def test_rules_with_a_false_condition_are_not_looked_at() -> None:
    policy = compiled(
        rule("no_1", detects=None, when="item.market == 'DE'"),
        rule("yes", detects=None, when="item.market == 'SE'"),
        rule("no_2", detects=None, when="item.market == 'DE'"),
        rule("unknown", detects=None, when="account.history.strikes > 2"),
    )
    assert _looked_at(policy, inputs(scored(hate=5), market="SE")) == ["yes", "unknown"]


def _looked_at(policy: CompiledPolicy, item: DecisionInputs) -> list[str]:
    readings = Readings(item.parts, item.detectors)
    return [one.id for one in policy.deciding.candidates(readings, policy.reader.context(item, readings))]
