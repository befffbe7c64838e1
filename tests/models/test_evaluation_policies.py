"""Texts through the shipped policies: only this detector decides, and held means held for a person or blocked."""

import pytest

from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation.policy_outcomes import policy_result
from tidegate.models.severity import severity
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.moderation.item import Surface

SPEC = catalogue()["text_harm"]


def answer(**scores: float) -> DetectorScores:
    found = {label: scores.get(label, 0.0) for label in SPEC.labels}
    bands = {label: severity(score) for label, score in found.items()}
    return DetectorScores(SPEC.name, SPEC.version, DetectorStatus.OK, found, bands)


@pytest.mark.parametrize("surface", list(Surface))
def test_a_text_without_findings_is_published_whatever_other_detectors_a_policy_reads(surface: Surface) -> None:
    found = policy_result("harmless", [answer()] * 3, surface)
    assert (found.count, found.held_share, found.actions) == (3, 0.0, {"ALLOW": 3})


def test_blocked_and_reviewed_texts_count_as_held_and_name_their_rules() -> None:
    found = policy_result("mixed", [answer(hate=0.99), answer(hate=0.6), answer(), answer()], Surface.COMMENT)
    assert found.held_share == 0.5
    assert found.actions == {"ALLOW": 2, "REVIEW": 1, "BLOCK": 1}
    assert sum(found.rules.values()) >= 2


def test_what_is_only_labelled_is_not_held() -> None:
    found = policy_result("swearing", [answer(profanity=0.99)], Surface.COMMENT)
    assert found.held_share == 0.0
    assert found.actions == {"LABEL": 1}
