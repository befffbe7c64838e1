"""Which parts a rule is about, what settles it and what leaves it unknown, over text, images and audio."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.policy.policy_samples import HATE_5, answered, compiled, failed, inputs, not_covered, only, rule, scored
from tidegate.models.catalogue import Modality, all_versions, catalogue
from tidegate.moderation.decision import Action, RuleValue
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import PartKind
from tidegate.policy.concern import kinds_of
from tidegate.policy.loader import PolicyError, load_policy
from tidegate.policy.vocabulary import Vocabulary, installed_vocabulary

ADULT = {"detector": "image_unsafe", "label": "adult", "min_severity": 5}
BANK = {"detector": "image_match", "label": "known_violations", "min_score": 1.0}
COVER = {"cover": PartKind.IMAGE}


def test_a_rule_on_images_is_false_for_an_item_without_images() -> None:
    evaluation = only(compiled(rule(detects=ADULT)).evaluate(inputs(scored(hate=0))))
    assert (evaluation.value, evaluation.missing) == (RuleValue.FALSE, ())


def test_a_rule_on_images_looks_at_images_alone() -> None:
    policy = compiled(rule(detects=ADULT))
    seen = inputs(scored(hate=0), scored("cover", name="image_unsafe", adult=6), parts=["text", "cover"], kinds=COVER)
    unseen = inputs(scored(hate=0), parts=["text", "cover"], kinds=COVER)
    assert policy.evaluate(seen).action is Action.BLOCK
    assert only(policy.evaluate(unseen)).missing == ("image_unsafe.adult@cover",)


@pytest.mark.parametrize("kind", [PartKind.IMAGE, PartKind.AUDIO, PartKind.TRANSCRIPT])
def test_words_of_images_and_of_speech_are_text(kind: PartKind) -> None:
    policy = compiled(rule())
    read = inputs(scored("p", hate=6), parts=["p"], kinds={"p": kind})
    unread = inputs(not_covered("p"), parts=["p"], kinds={"p": kind})
    assert policy.evaluate(read).violations[0].part == "p"
    assert only(policy.evaluate(unread)).value is RuleValue.UNKNOWN


def test_an_image_without_words_has_no_hate_and_counts_as_zero_in_conditions() -> None:
    none = failed("cover", status=DetectorStatus.NO_CONTENT)
    item = inputs(scored(hate=1), none, parts=["text", "cover"], kinds=COVER)
    alone = inputs(none, parts=["cover"], kinds=COVER)
    assert only(compiled(rule()).evaluate(item)).value is RuleValue.FALSE
    below = compiled(rule(detects=None, when="severity.text_harm.hate < 3 && score.text_harm.hate < 0.3"))
    assert only(below.evaluate(item)).value is RuleValue.TRUE
    assert only(below.evaluate(alone)).value is RuleValue.TRUE


@pytest.mark.parametrize(
    "status",
    [DetectorStatus.UNSUPPORTED_LANGUAGE, DetectorStatus.UNREADABLE, DetectorStatus.PENDING, DetectorStatus.SKIPPED],
)
def test_what_is_missing_is_named_with_the_reason_where_it_is_no_plain_outage(status: DetectorStatus) -> None:
    (violation,) = compiled(rule()).evaluate(inputs(failed(status=status))).violations
    assert violation.missing == (f"text_harm.hate@text: {status}",)
    assert violation.action is Action.REVIEW


@pytest.mark.parametrize("status", [DetectorStatus.FAILED, DetectorStatus.TIMED_OUT, DetectorStatus.NOT_COVERED])
def test_a_plain_outage_is_named_as_in_the_oldest_records(status: DetectorStatus) -> None:
    (violation,) = compiled(rule()).evaluate(inputs(failed(status=status))).violations
    assert violation.missing == ("text_harm.hate@text",)


def test_a_part_seen_in_pieces_is_known_only_if_every_piece_was_seen() -> None:
    """Speech is scored in stretches: one that was found out about is kept beside one that was not."""
    pieces = (scored("p", hate=3), failed("p", status=DetectorStatus.TIMED_OUT))
    high = (scored("p", hate=6), failed("p", status=DetectorStatus.TIMED_OUT))
    kinds = {"p": PartKind.AUDIO}
    assert only(compiled(rule()).evaluate(inputs(*pieces, parts=["p"], kinds=kinds))).value is RuleValue.UNKNOWN
    assert only(compiled(rule()).evaluate(inputs(*high, parts=["p"], kinds=kinds))).value is RuleValue.TRUE


def test_shadow_runs_are_invisible_whatever_they_say() -> None:
    policy = compiled(rule())
    shadow = replace(scored(hate=7), version="2", shadow=True)
    assert policy.evaluate(inputs(scored(hate=0), shadow)).action is Action.ALLOW
    assert only(policy.evaluate(inputs(shadow))).value is RuleValue.UNKNOWN


def test_a_bank_that_does_not_exist_is_unknown_and_not_a_miss() -> None:
    policy = compiled(rule(detects=BANK))
    other = answered({"other_bank": 0}, part="cover", name="image_match")
    evaluation = only(policy.evaluate(inputs(other, parts=["cover"], kinds=COVER)))
    assert (evaluation.value, evaluation.missing) == (RuleValue.UNKNOWN, ("image_match.known_violations@cover",))


def test_any_label_of_an_open_detector_is_in_the_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        """
id: covers
version: 1
mode: live
surfaces: [playlist]
on_unknown: fail_closed
rules:
  - id: known
    category: known
    detects: {detector: image_match, label: 2024_raid, min_score: 1.0}
    action: BLOCK
    message: No.
    reporting: {category: STATEMENT_CATEGORY_VIOLENCE, ground: DECISION_GROUND_ILLEGAL_CONTENT, reference: Law}
"""
    )
    closed = Vocabulary(detectors={"image_match": frozenset()}, features={})
    with pytest.raises(PolicyError, match="no label 2024_raid"):
        load_policy(path, vocabulary=closed)
    opened = replace(closed, open_detectors=frozenset({"image_match"}))
    assert load_policy(path, vocabulary=opened).labels == {"image_match": {"2024_raid"}}


def test_the_name_of_every_detector_tells_what_it_looks_at() -> None:
    """Policies go by the name, so that replays do not depend on the catalogue."""
    for spec in all_versions():
        assert spec.name.startswith(f"{spec.modality}_")
        assert PartKind.TEXT in kinds_of(spec.name) or spec.modality in {"image", "audio"}


def test_what_looks_at_accounts_is_no_detector_that_a_policy_may_name() -> None:
    """Its score is a feature; a rule that detects it would wait for a run that never comes."""
    accounts = {spec.name for spec in all_versions() if spec.modality is Modality.ACCOUNT}
    known = installed_vocabulary().detectors
    assert accounts
    assert not accounts & set(known)
    assert set(known) | accounts == set(catalogue())


def test_the_most_severe_of_images_and_text_wins() -> None:
    policy = compiled(rule("words", detects=HATE_5, action="LABEL"), rule("picture", detects=ADULT))
    runs: list[DetectorRun] = [scored(hate=6), failed("cover", status=DetectorStatus.NO_CONTENT)]
    runs.append(scored("cover", name="image_unsafe", adult=7))
    outcome = policy.evaluate(inputs(*runs, parts=["text", "cover"], kinds=COVER))
    assert [violation.rule for violation in outcome.violations] == ["picture", "words"]
