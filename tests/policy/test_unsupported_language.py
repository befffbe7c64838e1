"""What a policy does about text in a language that no detector in use was trained for."""

import pytest

from tests.policy.policy_samples import compiled, failed, inputs, only, rule, scored
from tidegate.moderation.decision import Action, RuleValue
from tidegate.moderation.detection import DetectorStatus

FOREIGN = failed(status=DetectorStatus.UNSUPPORTED_LANGUAGE)


@pytest.mark.parametrize(
    ("word", "action"),
    [(None, Action.REVIEW), ("fail_open", Action.ALLOW), ({"action": "LABEL"}, Action.LABEL)],
)
def test_the_policys_word_on_languages_decides_or_else_its_word_on_unknowns(word: object, action: Action) -> None:
    fields = {} if word is None else {"on_unsupported_language": word}
    outcome = compiled(rule(), **fields).evaluate(inputs(FOREIGN))
    assert outcome.action is action
    assert only(outcome).value is RuleValue.UNKNOWN
    assert only(outcome).missing == ("text_harm.hate@text: UNSUPPORTED_LANGUAGE",)


def test_it_stands_above_a_rules_own_word_which_is_about_outages() -> None:
    policy = compiled(rule(on_unknown={"action": "LABEL"}), on_unsupported_language="fail_open")
    assert policy.evaluate(inputs(FOREIGN)).action is Action.ALLOW
    assert policy.evaluate(inputs(failed())).action is Action.LABEL


def test_of_an_outage_and_a_language_the_more_severe_fallback_counts() -> None:
    both = inputs(failed("a"), failed("b", status=DetectorStatus.UNSUPPORTED_LANGUAGE), parts=["a", "b"])
    open_for_languages = compiled(rule(), on_unsupported_language="fail_open")
    open_for_outages = compiled(rule(), on_unknown="fail_open", on_unsupported_language="fail_closed")
    open_for_both = compiled(rule(), on_unknown="fail_open", on_unsupported_language="fail_open")
    assert open_for_languages.evaluate(both).action is Action.REVIEW
    assert open_for_outages.evaluate(both).action is Action.REVIEW
    assert open_for_both.evaluate(both).action is Action.ALLOW


def test_a_part_id_that_looks_like_a_status_does_not_turn_an_outage_into_a_language() -> None:
    name = "x: UNSUPPORTED_LANGUAGE"
    item = inputs(failed(name), failed("x", status=DetectorStatus.UNSUPPORTED_LANGUAGE), parts=[name, "x"])
    policy = compiled(rule(), on_unsupported_language="fail_open")
    assert policy.evaluate(item).action is Action.REVIEW


def test_a_rule_may_also_look_at_the_language_itself() -> None:
    rules = (
        rule("hate"),
        rule(
            "foreign",
            action="LIMIT_REACH",
            detects={"detector": "text_language", "label": "unsupported", "min_score": 0.5},
        ),
    )
    policy = compiled(*rules, on_unsupported_language="fail_open")
    item = inputs(FOREIGN, scored(name="text_language", unsupported=7))
    assert policy.evaluate(item).action is Action.LIMIT_REACH
