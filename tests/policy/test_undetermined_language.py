"""What a policy can ask about text that was scored although nobody could tell its language."""

from dataclasses import replace

import pytest

from tests.policy.policy_samples import compiled, failed, inputs, only, rule, scored
from tidegate.moderation.decision import Action, RuleValue
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.policy.language import language_undetermined

RULE = rule("unclear", detects=None, when="item.language_undetermined", action="LIMIT_REACH")
ENGLISH = replace(scored(hate=0), language="en")
UNCLEAR = replace(ENGLISH, language="und")


@pytest.mark.parametrize(
    ("run", "action"), [(ENGLISH, Action.ALLOW), (UNCLEAR, Action.LIMIT_REACH), (scored(hate=0), Action.ALLOW)]
)
def test_a_rule_can_act_on_a_language_that_could_not_be_told(run: DetectorRun, action: Action) -> None:
    assert compiled(RULE).evaluate(inputs(run)).action is action


def test_one_part_is_enough() -> None:
    item = inputs(replace(ENGLISH, part="title"), replace(UNCLEAR, part="body"), parts=["title", "body"])
    assert compiled(RULE).evaluate(item).fired() == ("unclear",)


@pytest.mark.parametrize("status", [DetectorStatus.TIMED_OUT, DetectorStatus.FAILED, DetectorStatus.PENDING])
def test_text_that_was_not_scored_leaves_it_unknown(status: DetectorStatus) -> None:
    outcome = compiled(RULE, on_unknown="fail_closed").evaluate(inputs(failed(status=status)))
    assert only(outcome).value is RuleValue.UNKNOWN
    assert only(outcome).missing == ("item.language_undetermined",)
    assert outcome.action is Action.REVIEW


@pytest.mark.parametrize("status", [DetectorStatus.NO_CONTENT, DetectorStatus.UNSUPPORTED_LANGUAGE])
def test_words_of_a_known_language_or_none_at_all_are_no_doubt(status: DetectorStatus) -> None:
    assert only(compiled(RULE).evaluate(inputs(failed(status=status)))).value is RuleValue.FALSE


def test_what_was_scored_in_doubt_counts_although_the_rest_was_not_scored() -> None:
    assert language_undetermined([UNCLEAR, failed(status=DetectorStatus.TIMED_OUT)]) is True


def test_versions_on_trial_and_images_say_nothing_about_it() -> None:
    assert language_undetermined([replace(UNCLEAR, shadow=True), replace(UNCLEAR, name="image_unsafe")]) is False


def test_it_is_a_yes_or_no_and_not_a_text() -> None:
    negated = rule("clear", detects=None, when="!item.language_undetermined", action="LABEL")
    assert compiled(negated).evaluate(inputs(ENGLISH)).action is Action.LABEL
    assert compiled(negated).evaluate(inputs(UNCLEAR)).action is Action.ALLOW
