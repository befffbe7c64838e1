"""Why a decision is what it is: one row for each thing that there is to know."""

from tidegate.cli.decision_reasons import reasons
from tidegate.moderation.decision import Action, RuleValue, Violation

LABELS = ("hate", "threat", "sexual", "self_harm", "profanity")


def unknown(rule: str, *missing: str, action: Action = Action.REVIEW) -> Violation:
    return Violation(rule, rule, action, RuleValue.UNKNOWN, missing=missing)


def test_rules_that_lack_the_same_detector_are_one_row_whatever_labels_they_want() -> None:
    found = list(reasons([unknown(label, f"text_harm.{label}@text: UNSUPPORTED_LANGUAGE") for label in LABELS]))
    assert [(one.title, one.words) for one in found] == [
        ("5 rules: hate, threat, sexual and 2 more", "unknown, missing: text_harm@text: UNSUPPORTED_LANGUAGE")
    ]
    assert found[0].unknown


def test_another_cause_or_another_action_is_another_row() -> None:
    found = list(
        reasons(
            [
                unknown("hate", "text_harm.hate@text"),
                unknown("threat", "text_harm.threat@bio"),
                unknown("sexual", "text_harm.sexual@text", action=Action.LIMIT_REACH),
                unknown("spam", "text_spam.spam@text"),
                unknown("new", "account_profile__account_age_days"),
                unknown("repeated", "text_harm.hate@text"),
            ]
        )
    )
    assert [one.title for one in found] == [
        "2 rules: hate, repeated",
        "threat (threat)",
        "sexual (sexual)",
        "spam (spam)",
        "new (new)",
    ]
    assert found[4].words == "unknown, missing: account_profile__account_age_days"


def test_rules_that_fired_each_keep_their_row_and_their_words() -> None:
    fired = [
        Violation(rule, rule, Action.BLOCK, RuleValue.TRUE, score=0.9, threshold=0.8, message=f"About {rule}.")
        for rule in ("hate", "threat")
    ]
    assert [(one.title, one.words, one.unknown) for one in reasons(fired)] == [
        ("hate (hate)", "About hate.", False),
        ("threat (threat)", "About threat.", False),
    ]


def test_no_violation_no_row() -> None:
    assert list(reasons([])) == []
