"""Rules that settle an item spare dearer detectors, and change nothing else."""

from typing import Any

import pytest

from tests.policy.policy_samples import compiled, document, failed, inputs, only, rule, scored
from tidegate.moderation.decision import Action, RuleValue
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.item import PartFacts, PartKind
from tidegate.policy.document import validated
from tidegate.policy.loader import compile_document
from tidegate.policy.problems import PolicyError
from tidegate.policy.schema import PolicyDocument

KNOWN = {"detector": "image_match", "label": "known", "min_score": 0.5}
SETTLING = rule("known_image", detects=KNOWN, settles=True)
POLICY = compiled(SETTLING, rule("hate"))
PARTS = ["text", "cover"]
KINDS = {"cover": PartKind.IMAGE}
SKIPPED = (failed(status=DetectorStatus.SKIPPED), failed("cover", status=DetectorStatus.SKIPPED))


def test_once_settled_what_was_skipped_is_false_and_noted_and_not_a_violation() -> None:
    item = inputs(*SKIPPED, scored("cover", name="image_match", known=7), parts=PARTS, kinds=KINDS)
    outcome = POLICY.evaluate(item)
    assert outcome.action is Action.BLOCK
    assert [violation.rule for violation in outcome.violations] == ["known_image"]
    hate = outcome.evaluations[1]
    assert hate.value is RuleValue.FALSE
    assert hate.missing == ("text_harm.hate@text: SKIPPED", "text_harm.hate@cover: SKIPPED")
    assert repr(compile_document(POLICY.document).evaluate(item)) == repr(outcome)


def test_what_was_skipped_is_unknown_to_a_policy_that_is_not_settled() -> None:
    """Another policy, tried on the same record, must not take what was spared for harmless."""
    item = inputs(*SKIPPED, scored("cover", name="image_match", known=1), parts=PARTS, kinds=KINDS)
    assert POLICY.evaluate(item).action is Action.REVIEW
    assert only(compiled(rule()).evaluate(item)).value is RuleValue.UNKNOWN


def test_whether_the_item_is_settled_can_be_asked_before_all_detectors_have_answered() -> None:
    parts = (PartFacts("cover", PartKind.IMAGE, "0" * 64, 1),)
    assert POLICY.settling_in("SE") == {"image_match"}
    assert POLICY.has_settled("SE", parts, [scored("cover", name="image_match", known=7)])
    assert not POLICY.has_settled("SE", parts, [scored("cover", name="image_match", known=1)])
    assert not POLICY.has_settled("SE", parts, [])


def test_a_market_in_which_the_rule_is_off_is_not_settled_by_it() -> None:
    policy = compiled(
        SETTLING, rule("hate"), overlays=[{"markets": ["DE"], "rules": {"known_image": {"disabled": True}}}]
    )
    assert policy.settling_in("DE") == frozenset()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"action": "REVIEW"}, "its action must be BLOCK"),
        ({"when": "account.known"}, "must not have when"),
        ({"detects": None, "when": "account.known"}, "needs detects"),
    ],
)
def test_only_a_block_on_a_detector_alone_may_settle(wrong: dict[str, Any], words: str) -> None:
    settling = rule(**{"detects": KNOWN, "settles": True, **wrong})
    with pytest.raises(PolicyError, match=words):
        validated(document(settling), PolicyDocument, file="p")


def test_an_overlay_can_not_make_a_settling_rule_milder() -> None:
    with pytest.raises(PolicyError, match="must stay BLOCK"):
        compiled(SETTLING, overlays=[{"markets": ["DE"], "rules": {"known_image": {"action": "REVIEW"}}}])


def test_documents_without_the_word_keep_their_digest() -> None:
    """Old records name policies by digest."""
    assert "settles" not in compiled(rule()).document
    assert "on_unsupported_language" not in compiled(rule()).document
