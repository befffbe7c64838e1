"""What a compiled policy says about single items."""

import math

import pytest

from tests.policy.policy_samples import (
    HATE_5,
    UNKNOWN_ACCOUNT,
    compiled,
    failed,
    inputs,
    known_account,
    not_covered,
    only,
    rule,
    scored,
)
from tidegate.moderation.decision import Action, RuleValue
from tidegate.moderation.item import NoticeSource, Surface
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus
from tidegate.policy.engine import NotApplicableError, decide
from tidegate.policy.loader import compile_document

STRIKES = "account_enforcement__strikes_90d"


def test_the_most_severe_rule_wins_and_all_that_fired_are_listed() -> None:
    """Violations come most severe first, then in the policy's order."""
    policy = compiled(
        rule("label_a", action="LABEL"),
        rule("review", action="REVIEW"),
        rule("label_b", action="LABEL"),
        rule("off", detects={**HATE_5, "min_severity": 7}),
    )
    outcome = policy.evaluate(inputs(scored(hate=6)))

    assert outcome.action is Action.REVIEW
    assert [violation.rule for violation in outcome.violations] == ["review", "label_a", "label_b"]
    assert [one.rule for one in outcome.evaluations] == ["label_a", "review", "label_b", "off"]


def test_a_violation_says_what_was_met_where() -> None:
    """The part with the highest severity, its score, and the band's edge as a probability."""
    outcome = compiled(rule()).evaluate(inputs(scored("a", hate=5), scored("b", hate=6), parts=["a", "b"]))

    (violation,) = outcome.violations
    assert (violation.part, violation.score, violation.threshold) == ("b", 0.6, 0.70)
    assert (violation.message, violation.value, violation.missing) == ("Not here.", RuleValue.TRUE, ())
    assert only(outcome).condition == "severity.text_harm.hate >= 5"


def test_nothing_fires_on_clean_content() -> None:
    assert compiled(rule()).evaluate(inputs(scored(hate=0))).action is Action.ALLOW


def test_a_score_threshold_is_met_at_its_edge() -> None:
    policy = compiled(rule(detects={"detector": "text_harm", "label": "hate", "min_score": 0.6}))
    assert policy.evaluate(inputs(scored(hate=6))).action is Action.BLOCK
    assert policy.evaluate(inputs(scored(hate=5))).action is Action.ALLOW


@pytest.mark.parametrize(
    ("on_unknown", "rule_on_unknown", "action"),
    [
        ("fail_closed", None, Action.REVIEW),
        ("fail_open", None, Action.ALLOW),
        ({"action": "LIMIT_REACH"}, None, Action.LIMIT_REACH),
        ("fail_closed", "fail_open", Action.ALLOW),
        ("fail_open", "fail_closed", Action.REVIEW),
        ("fail_open", {"action": "LABEL"}, Action.LABEL),
    ],
)
def test_an_unknown_rule_means_what_the_rule_or_else_the_policy_says(
    on_unknown: object, rule_on_unknown: object, action: Action
) -> None:
    outcome = compiled(rule(on_unknown=rule_on_unknown), on_unknown=on_unknown).evaluate(inputs(failed()))

    assert outcome.action is action
    assert only(outcome).value is RuleValue.UNKNOWN
    assert only(outcome).missing == ("text_harm.hate@text",)
    for violation in outcome.violations:
        assert (violation.value, violation.missing) == (RuleValue.UNKNOWN, ("text_harm.hate@text",))
        assert (violation.score, violation.part) == (None, "")


def test_unknown_rules_that_let_content_through_are_told_apart_from_those_that_are_false() -> None:
    """A fallback to ALLOW adds nothing to the outcome, and would else be counted by nobody."""
    policy = compiled(
        rule("opens", on_unknown="fail_open"),
        rule("holds"),
        rule("false", detects={"detector": "text_spam", "label": "spam", "min_severity": 7}, on_unknown="fail_open"),
    )
    outcome = policy.decide(inputs(failed(), scored(name="text_spam", spam=0)))
    assert outcome.failed_open == ("opens",)
    assert [violation.rule for violation in outcome.violations] == ["holds"]
    assert policy.decide(inputs(scored(hate=0), scored(name="text_spam", spam=0))).failed_open == ()


def test_an_image_nobody_looked_at_leaves_every_detects_rule_unknown() -> None:
    outcome = compiled(rule()).evaluate(inputs(scored(hate=1), not_covered("cover"), parts=["text", "cover"]))
    assert only(outcome).missing == ("text_harm.hate@cover",)


def test_a_detector_that_ran_nowhere_is_missing_even_if_others_have_looked() -> None:
    """A rule that names a detector which is not in service is unknown, not false."""
    outcome = compiled(rule()).evaluate(inputs(scored(name="other", hate=0)))
    assert only(outcome).value is RuleValue.UNKNOWN


def test_one_part_that_meets_the_threshold_is_enough() -> None:
    outcome = compiled(rule()).evaluate(inputs(failed("a"), scored("b", hate=7), parts=["a", "b"]))
    assert outcome.action is Action.BLOCK


def test_a_score_that_is_no_number_is_missing() -> None:
    run = scored(hate=0)
    policy = compiled(rule(detects={"detector": "text_harm", "label": "hate", "min_score": 0.5}))
    item = inputs(type(run)(run.name, run.version, run.status, run.part, scores={"hate": math.nan}))
    assert only(policy.evaluate(item)).value is RuleValue.UNKNOWN


@pytest.mark.parametrize(
    "account",
    [
        AccountSignals(status=LookupStatus.OK, known=True),
        known_account({}, stale=[STRIKES]),
        AccountSignals(LookupStatus.OK, known=True, values=(FeatureValue(STRIKES, None, Freshness.MISSING, None),)),
        AccountSignals(LookupStatus.TIMED_OUT, known=True, values=known_account({STRIKES: 9}).values),
        AccountSignals(LookupStatus.FAILED),
        AccountSignals(LookupStatus.NOT_NEEDED),
    ],
    ids=["absent", "stale", "missing", "timed out", "failed", "never asked"],
)
def test_only_a_fresh_value_of_a_lookup_that_answered_is_known(account: AccountSignals) -> None:
    policy = compiled(rule(detects=None, when="account.enforcement.strikes_90d >= 2"))
    assert only(policy.evaluate(inputs(account=account))).missing == (STRIKES,)


def test_whether_an_account_is_known_is_unknown_if_the_lookup_did_not_answer() -> None:
    policy = compiled(rule(detects=None, when="account.known"))
    assert only(policy.evaluate(inputs(account=UNKNOWN_ACCOUNT))).value is RuleValue.FALSE
    down = policy.evaluate(inputs(account=AccountSignals(status=LookupStatus.FAILED)))
    assert only(down).missing == ("account.known",)


def test_a_view_can_be_named_in_full_or_without_its_prefix() -> None:
    full = compiled(rule(detects=None, when="account.account_enforcement.strikes_90d >= 2"))
    short = compiled(rule(detects=None, when="account.enforcement.strikes_90d >= 2"))
    assert full.features == short.features == {STRIKES}
    assert full.evaluate(inputs(account=known_account({STRIKES: 2}))).action is Action.BLOCK


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("account.enforcement.strikes_90d == 'x'", 3),
        ("account.enforcement.strikes_90d == 3", "3"),
        ("account.enforcement.strikes_90d == 1", True),
        ("account.enforcement.strikes_90d != 1", "one"),
        ("account.enforcement.strikes_90d", 1),
        ("account.enforcement.strikes_90d in [1, 2]", "1"),
        ("account.enforcement.strikes_90d > 1", 2**70),
        ("account.enforcement.strikes_90d > 1", math.nan),
        ("!(account.enforcement.strikes_90d > 1)", math.nan),
        ("account.enforcement.strikes_90d == account.enforcement.blocks_30d", "x"),
    ],
)
def test_a_value_of_another_type_is_unknown_and_never_false(condition: str, value: FeatureScalar) -> None:
    """In CEL itself some of these would come out false."""
    account = known_account({STRIKES: value, "account_enforcement__blocks_30d": 1})
    evaluation = only(compiled(rule(detects=None, when=condition)).evaluate(inputs(account=account)))
    assert (evaluation.value, evaluation.missing) == (RuleValue.UNKNOWN, (STRIKES,))


def test_whole_and_fractional_numbers_compare() -> None:
    policy = compiled(rule(detects=None, when="account.enforcement.strike_points >= 2"))
    assert policy.evaluate(inputs(account=known_account({"account_enforcement__strike_points": 2.5}))).violations


def test_a_condition_sees_the_item() -> None:
    policy = compiled(
        rule(
            detects=None,
            when="item.surface == 'comment' && item.market == 'SE' && item.language.startsWith('de') "
            "&& item.source == 'user_notice'",
        )
    )
    item = inputs(language="de-AT", source=NoticeSource.USER_NOTICE)
    assert policy.evaluate(item).action is Action.BLOCK


def test_an_empty_language_hint_is_missing() -> None:
    outcome = compiled(rule(detects=None, when="item.language == 'de'")).evaluate(inputs())
    assert only(outcome).missing == ("item.language",)


def test_a_condition_reads_the_highest_value_over_all_parts() -> None:
    policy = compiled(rule(detects=None, when="severity.text_harm.hate >= 4 && score.text_harm.hate >= 0.4"))
    runs = (scored("a", hate=1), scored("b", hate=4))
    assert policy.evaluate(inputs(*runs, parts=["a", "b"])).action is Action.BLOCK


def test_a_condition_does_not_read_a_label_that_some_part_lacks() -> None:
    """The highest value is not known before all values are, whatever the condition would make of it."""
    policy = compiled(rule(detects=None, when="severity.text_harm.hate >= 4"))
    outcome = policy.evaluate(inputs(scored("a", hate=7), failed("b"), parts=["a", "b"]))
    assert only(outcome).missing == ("text_harm.hate@b",)


def test_all_missing_inputs_of_a_rule_are_named_once() -> None:
    when = "severity.text_harm.hate >= 1 && account.known && account.enforcement.strikes_90d >= 2"
    outcome = compiled(rule(when=when)).evaluate(inputs(failed(), account=AccountSignals(LookupStatus.FAILED)))
    assert only(outcome).missing == ("text_harm.hate@text", "account.known", STRIKES)


def test_a_policy_is_not_asked_about_what_it_is_not_for() -> None:
    policy = compiled(rule(), markets=["SE"])
    with pytest.raises(NotApplicableError):
        policy.evaluate(inputs(scored(hate=0), market="DE"))
    with pytest.raises(NotApplicableError):
        policy.evaluate(inputs(scored(hate=0), surface=Surface.PROFILE))


def test_a_policy_says_what_it_reads() -> None:
    """The plan step asks for exactly this; overlays count, since the market is only known later."""
    policy = compiled(
        rule("a", when="account.known"),
        rule("b", detects=None, when="score.other.spam > 0.5 && item.market == 'SE'"),
        overlays=[{"markets": ["DE"], "add": [rule("c", when="account.profile.followers > 3")]}],
    )
    assert policy.detectors == {"text_harm", "other"}
    assert policy.features == {"account_profile__followers"}
    assert policy.reads_account
    assert not compiled(rule()).reads_account


def test_the_kept_document_decides_the_same_again() -> None:
    """What a ledger keeps, and nothing else, gives the same outcome."""
    policy = compiled(
        rule(when="account.known || item.market == 'DE'"),
        overlays=[{"markets": ["DE"], "rules": {"hate": {"min_score": 0.1, "action": "LABEL"}}}],
    )
    kept = compile_document(policy.document)
    for market in ("SE", "DE"):
        for run in (scored(hate=6), scored(hate=1), failed()):
            item = inputs(run, market=market)
            assert repr(decide(item, kept)) == repr(decide(item, policy))
