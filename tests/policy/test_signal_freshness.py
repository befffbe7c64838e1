"""`.fresh` behind an account signal, and signals named without their view."""

import pytest

from tests.policy.policy_samples import EVENT_TIME, compiled, inputs, only, rule, scored
from tidegate.moderation.decision import RuleValue
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.policy.engine import CompiledPolicy

STRIKES = "account_enforcement__strikes_90d"


def strikes(value: int | None, freshness: Freshness) -> AccountSignals:
    found = FeatureValue(STRIKES, value, freshness, None if value is None else EVENT_TIME)
    return AccountSignals(LookupStatus.OK, known=True, values=(found,))


def asking(when: str) -> CompiledPolicy:
    return compiled(rule(detects=None, when=when))


@pytest.mark.parametrize("name", ["account.enforcement.strikes_90d", "account.strikes_90d"])
@pytest.mark.parametrize(
    ("account", "value"),
    [
        (strikes(3, Freshness.FRESH), RuleValue.TRUE),
        (strikes(3, Freshness.STALE), RuleValue.FALSE),
        (strikes(None, Freshness.MISSING), RuleValue.FALSE),
        (AccountSignals(LookupStatus.OK, known=False), RuleValue.FALSE),
        (AccountSignals(LookupStatus.FAILED), RuleValue.UNKNOWN),
        (AccountSignals(LookupStatus.TIMED_OUT), RuleValue.UNKNOWN),
    ],
)
def test_freshness_is_known_unless_the_lookup_failed(name: str, account: AccountSignals, value: RuleValue) -> None:
    outcome = asking(f"{name}.fresh").evaluate(inputs(scored(hate=0), account=account))
    assert only(outcome).value is value
    if value is RuleValue.UNKNOWN:
        assert only(outcome).missing == ("account.enforcement.strikes_90d.fresh",)


def test_value_and_freshness_stand_side_by_side() -> None:
    """A stale value stays unknown beside its own freshness: the rule says which way that goes, not the engine."""
    policy = asking("!account.strikes_90d.fresh || account.strikes_90d >= 2")
    assert only(policy.evaluate(inputs(account=strikes(3, Freshness.FRESH)))).value is RuleValue.TRUE
    assert only(policy.evaluate(inputs(account=strikes(1, Freshness.FRESH)))).value is RuleValue.FALSE
    assert only(policy.evaluate(inputs(account=strikes(3, Freshness.STALE)))).value is RuleValue.TRUE


def test_a_signal_without_its_view_is_the_same_signal() -> None:
    short, long = asking("account.strikes_90d >= 2"), asking("account.enforcement.strikes_90d >= 2")
    assert short.features == long.features == {STRIKES}
    assert only(short.evaluate(inputs(account=strikes(2, Freshness.FRESH)))).value is RuleValue.TRUE


def test_asking_for_freshness_asks_for_the_signal() -> None:
    assert asking("account.strikes_90d.fresh").features == {STRIKES}


def test_text_that_looks_like_a_signal_stays_text() -> None:
    policy = asking("item.market == 'account.strikes_90d.fresh' || account.plan.startsWith('pre')")
    plan = FeatureValue("account_profile__plan", "premium", Freshness.FRESH, EVENT_TIME)
    account = AccountSignals(LookupStatus.OK, known=True, values=(plan,))
    assert only(policy.evaluate(inputs(account=account))).value is RuleValue.TRUE
