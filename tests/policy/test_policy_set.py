"""Which policy decides, and what a directory of policies must be."""

from pathlib import Path

import pytest
import yaml

from tests.policy.policy_samples import compiled, document, inputs, rule, scored
from tidegate.moderation.decision import Action
from tidegate.moderation.item import Surface
from tidegate.policy.condition import Kind
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.loader import NoLivePolicyError, PolicySet, load_policies
from tidegate.policy.markets import MARKETS
from tidegate.policy.problems import PolicyError
from tidegate.policy.vocabulary import Vocabulary


def problems(**policies: CompiledPolicy) -> str:
    with pytest.raises(PolicyError) as caught:
        PolicySet(policies)
    return str(caught.value)


def test_the_live_policy_is_chosen_by_surface_and_market() -> None:
    nordic = compiled(id="nordic", markets=["SE", "NO"])
    german = compiled(id="german", markets=["DE"])
    profiles = compiled(id="profiles", surfaces=["profile"])
    policies = PolicySet({"a": nordic, "b": german, "c": profiles})

    assert policies.live_for(Surface.COMMENT, "NO") is nordic
    assert policies.live_for(Surface.COMMENT, "DE") is german
    assert policies.live_for(Surface.PROFILE, "DE") is profiles
    with pytest.raises(NoLivePolicyError):
        policies.live_for(Surface.COMMENT, "FR")


def test_gaps_are_named() -> None:
    policies = PolicySet({"a": compiled(surfaces=["comment", "profile"]), "b": compiled(id="b", surfaces=["playlist"])})
    assert policies.gaps() == ("podcast_episode: no live policy",)
    almost = compiled(surfaces=list(Surface), markets=sorted(MARKETS - {"FR"}))
    assert PolicySet({"a": almost}).gaps()[0] == "comment: no live policy in FR"


def test_two_live_policies_for_the_same_content_are_refused() -> None:
    everywhere, german = compiled(), compiled(id="german", markets=["DE"])
    assert "already live for comment in DE" in problems(a=everywhere, b=german)
    assert "already live for comment in all markets" in problems(a=everywhere, b=compiled(id="other"))


def test_the_same_version_of_a_policy_exists_once() -> None:
    assert "version 1" in problems(a=compiled(), b=compiled(mode="shadow"))


def test_any_number_of_shadows_looks_on() -> None:
    """A shadow never decides, and is only asked about its own surface and market."""
    live = compiled()
    shadows = [compiled(version=version, mode="shadow") for version in (3, 2)]
    german = compiled(id="german", mode="shadow", markets=["DE"])
    policies = PolicySet({"live": live, "a": shadows[0], "b": shadows[1], "c": german})

    assert policies.live_for(Surface.COMMENT, "SE") is live
    assert [one.reference.version for one in policies.shadows_for(Surface.COMMENT, "SE")] == [2, 3]
    assert german in policies.shadows_for(Surface.COMMENT, "DE")
    assert policies.shadows_for(Surface.PROFILE, "SE") == ()


def test_documents_are_kept_by_digest_shadows_included() -> None:
    live, shadow = compiled(), compiled(version=2, mode="shadow")
    assert PolicySet({"a": live, "b": shadow}).documents() == {
        live.reference.digest: live.document,
        shadow.reference.digest: shadow.document,
    }


def test_an_overlay_changes_its_markets_only() -> None:
    overlay = {
        "markets": ["DE", "AT"],
        "rules": {"hate": {"min_severity": 3, "message": "Nicht hier."}, "other": {"disabled": True}},
        "add": [rule("extra", action="REVIEW")],
    }
    policy = compiled(rule("hate"), rule("other", action="LABEL"), overlays=[overlay])
    mild, severe = scored(hate=3), scored(hate=5)

    assert policy.evaluate(inputs(mild)).action is Action.ALLOW
    german = policy.evaluate(inputs(mild, market="DE"))
    assert (german.action, german.violations[0].message) == (Action.BLOCK, "Nicht hier.")
    assert [one.rule for one in policy.evaluate(inputs(severe, market="AT")).violations] == ["hate", "extra"]
    assert [one.rule for one in policy.evaluate(inputs(severe)).violations] == ["hate", "other"]


def test_overlays_on_different_rules_add_up_in_a_market_that_both_name() -> None:
    policy = compiled(
        rule("a"),
        rule("b"),
        overlays=[
            {"markets": ["DE", "AT"], "rules": {"a": {"action": "LABEL"}}},
            {"markets": ["AT"], "rules": {"b": {"action": "AGE_RESTRICT"}}},
        ],
    )
    actions = [violation.action for violation in policy.evaluate(inputs(scored(hate=7), market="AT")).violations]
    assert actions == [Action.AGE_RESTRICT, Action.LABEL]


def test_an_overlay_can_change_the_measure_of_a_threshold() -> None:
    overlays = [{"markets": ["DE"], "rules": {"hate": {"min_score": 0.25}}}]
    policy = compiled(rule(), overlays=overlays)
    (violation,) = policy.evaluate(inputs(scored(hate=3), market="DE")).violations
    assert (violation.score, violation.threshold) == (0.3, 0.25)


def write(directory: Path, name: str, data: object) -> None:
    (directory / name).write_text(yaml.safe_dump(data), encoding="utf-8")


def test_problems_of_all_files_are_reported_together(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", document(version=0))
    write(tmp_path, "b.yaml", document(mode="off"))
    (tmp_path / "c.yml").write_text("", encoding="utf-8")
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError) as caught:
        load_policies(tmp_path)
    assert {problem.file for problem in caught.value.problems} == {"a.yaml", "b.yaml", "c.yml", "d.yaml"}


def test_a_directory_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="holds no policy"):
        load_policies(tmp_path)
    with pytest.raises(PolicyError, match="is not a directory"):
        load_policies(tmp_path / "none")


def test_names_are_checked_against_a_vocabulary(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.yaml",
        document(
            rule("a", detects={"detector": "text_ham", "label": "hate", "min_severity": 1}),
            rule("b", when="severity.text_harm.hat > 1 && account.profile.plan == 3 && account.profile.age > 1"),
        ),
    )
    vocabulary = Vocabulary(
        detectors={"text_harm": frozenset({"hate"})}, features={"account_profile__plan": Kind.STRING}
    )
    with pytest.raises(PolicyError) as caught:
        load_policies(tmp_path, vocabulary=vocabulary)
    assert [problem.message for problem in caught.value.problems] == [
        "there is no detector text_ham; known: text_harm",
        "text_harm has no label hat; known: hate",
        "account.profile.plan is a text, but a condition takes it for a number",
        "account.profile.age is account_profile__age, which does not exist; known: account_profile__plan",
    ]
    assert load_policies(tmp_path).documents()
