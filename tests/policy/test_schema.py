"""What is refused when a policy is loaded, and in which words."""

from pathlib import Path
from typing import Any

import pytest

from tests.policy.policy_samples import HATE_5, compiled, document, rule
from tidegate.moderation.decision import Action
from tidegate.policy.document import canonical, digest_of, read_yaml, validated
from tidegate.policy.loader import compile_document, load_policies
from tidegate.policy.problems import PolicyError
from tidegate.policy.schema import PolicyDocument


def refused(*rules: dict[str, Any], **fields: Any) -> str:
    with pytest.raises(PolicyError) as caught:
        compiled(*rules, **fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"version": 0}, "p.yaml: version: 0 is out of range; at least 1"),
        ({"version": "1"}, "p.yaml: version: '1' is not a whole number"),
        ({"version": True}, "p.yaml: version: True is not a whole number"),
        ({"mode": "on"}, "p.yaml: mode: 'on' is not allowed; allowed: 'live' or 'shadow'"),
        (
            {"surfaces": ["coment"]},
            (
                "p.yaml: surfaces[0]: 'coment' is not allowed; "
                "allowed: 'comment', 'profile', 'playlist' or 'podcast_episode'"
            ),
        ),
        ({"surfaces": []}, "p.yaml: surfaces: must not be empty"),
        ({"surfaces": ["comment", "comment"]}, "p.yaml: surfaces: names something twice"),
        (
            {"markets": ["UK"]},
            "p.yaml: markets[0]: 'UK' is not a market; allowed: ISO 3166-1 alpha-2 codes such as SE, DE or GB",
        ),
        ({"on_unknown": "open"}, "p.yaml: on_unknown: 'open' is not allowed; allowed: 'fail_closed' or 'fail_open'"),
        (
            {"on_unknown": {"action": "ALLOW"}},
            (
                "p.yaml: on_unknown.action: 'ALLOW' is not allowed; "
                "allowed: 'LABEL', 'AGE_RESTRICT', 'LIMIT_REACH', 'REVIEW' or 'BLOCK'"
            ),
        ),
        ({"on_unknown": {"act": "BLOCK"}}, "p.yaml: on_unknown.act: is not a known key; allowed here: action"),
        (
            {"colour": 1},
            (
                "p.yaml: colour: is not a known key; "
                "allowed here: id, markets, mode, on_unknown, on_unsupported_language, overlays, "
                "rules, surfaces, version"
            ),
        ),
        ({"rules": "all"}, "p.yaml: rules: 'all' is not a list"),
        ({"overlays": [3]}, "p.yaml: overlays[0]: 3 is not a mapping of keys to values"),
    ],
)
def test_a_wrong_document_is_refused_with_place_and_what_is_allowed(wrong: dict[str, Any], message: str) -> None:
    assert message in refused(rule(), **wrong).splitlines()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"detects": {**HATE_5, "min_severity": 8}}, ".detects.min_severity: 8 is out of range; at most 7"),
        ({"detects": {**HATE_5, "min_severity": 0}}, ".detects.min_severity: 0 is out of range; at least 1"),
        (
            {"detects": {**HATE_5, "min_score": 0.5}},
            ".detects: needs exactly one of min_severity (1 to 7) and min_score (above 0, up to 1)",
        ),
        (
            {"detects": {"detector": "text_harm", "label": "hate"}},
            ".detects: needs exactly one of min_severity (1 to 7) and min_score (above 0, up to 1)",
        ),
        (
            {"detects": {"detector": "text_harm", "label": "hate", "min_score": 0}},
            ".detects.min_score: 0 is out of range; more than 0.0",
        ),
        ({"detects": None}, ": needs at least one of detects and when"),
        ({"message": ""}, ".message: must not be empty"),
        ({"message": 3}, ".message: 3 is not a text; put it in quotes if it is meant as one"),
        ({"reporting": None}, ".reporting: is required"),
        ({"when": "item.market == 3"}, ".when: compares item.market (a text) with 3 (a number)"),
        ({"on_unknown": "maybe"}, ".on_unknown: 'maybe' is not allowed; allowed: 'fail_closed' or 'fail_open'"),
    ],
)
def test_a_wrong_rule_is_named_by_its_id(wrong: dict[str, Any], message: str) -> None:
    assert f"p.yaml: rules[0] (hate){message}" in refused(rule(**wrong)).splitlines()


def test_reporting_values_are_those_of_the_transparency_database() -> None:
    """A category that the database dropped is refused, and the message lists those that it takes."""
    wrong = {"category": "STATEMENT_CATEGORY_PORNOGRAPHY_OR_SEXUALIZED_CONTENT", "ground": "LAW", "reference": "x"}
    lines = refused(rule(reporting=wrong))
    assert "rules[0] (hate).reporting.category: 'STATEMENT_CATEGORY_PORNOGRAPHY_OR_SEXUALIZED_CONTENT'" in lines
    assert "'STATEMENT_CATEGORY_VIOLENCE'" in lines
    assert "allowed: 'DECISION_GROUND_ILLEGAL_CONTENT' or 'DECISION_GROUND_INCOMPATIBLE_CONTENT'" in lines


def test_every_problem_is_reported_at_once() -> None:
    assert len(refused(rule(action="ALLOW", message="", category="X"), version=0).splitlines()) == 4


def test_no_library_speaks_in_the_messages() -> None:
    text = refused(rule(action="ALLOW", extra=1, detects={}, when=["x"], on_unknown=[]), version={}, overlays={})
    assert not any(word in text.lower() for word in ("pydantic", "input_value", "type=", "~", "<action"))


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        (
            {"markets": ["DE"]},
            "overlays[0]: changes nothing; needs rules (changes by rule id) or add (a list of rules)",
        ),
        (
            {"markets": ["DE"], "rules": {"hat": {"disabled": True}}},
            "overlays[0].rules.hat: is not a rule of this policy; allowed: account, hate",
        ),
        (
            {"markets": ["DE"], "rules": {"account": {"min_severity": 3}}},
            "overlays[0].rules.account: changes the threshold of a rule that has no detects",
        ),
        (
            {"markets": ["DE"], "rules": {"hate": {"disabled": True, "action": "LABEL"}}},
            "overlays[0].rules.hate: is disabled, so nothing else about it can be changed",
        ),
        (
            {"markets": ["FR"], "rules": {"hate": {"action": "LABEL"}}},
            "overlays[0].markets: names FR, where the policy",
        ),
        ({"markets": ["DE"], "add": [rule()]}, "overlays[0].add[0] (hate).id: 'hate' is used by another rule"),
        (
            {"markets": ["DE"], "rules": {"hate": {"min_severity": 3, "min_score": 0.5}}},
            "overlays[0].rules.hate: needs at most one of min_severity and min_score",
        ),
    ],
)
def test_an_overlay_that_does_not_fit_is_refused(overlay: dict[str, Any], message: str) -> None:
    rules = rule(), rule("account", detects=None, when="account.known")
    assert f"p.yaml: {message}" in refused(*rules, markets=["DE", "SE"], overlays=[overlay])


def test_two_overlays_may_not_change_the_same_rule_in_the_same_market() -> None:
    """Otherwise the outcome would hang on their order."""
    one = {"markets": ["DE", "AT"], "rules": {"hate": {"action": "LABEL"}}}
    other = {"markets": ["CH", "AT"], "rules": {"hate": {"action": "REVIEW"}}}
    assert "already changed for AT in overlays[0]" in refused(rule(), overlays=[one, other])


def test_one_feature_has_one_type_in_all_rules() -> None:
    rules = rule("a", when="account.profile.plan == 'free'"), rule("b", when="account.profile.plan > 3")
    assert "rules[1] (b).when: takes account.profile.plan for a number, another rule takes it" in refused(*rules)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "p.yaml: line 2, column 1: key 'a' is repeated"),
        ("a:\n  b: 1\n  b: 2", "p.yaml: line 3, column 3: key 'b' is repeated"),
        ("a: [", "p.yaml: line 1, column 5: "),
        ("1: a", "p.yaml: line 1, column 1: key 1 is not a text"),
        ("!!python/object/apply:os.getcwd []", "p.yaml: line 1, column 1: could not determine a constructor"),
        ("a: \x07", "p.yaml: is not YAML text"),
    ],
)
def test_doubtful_yaml_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_yaml(text, file="p.yaml")
    assert str(caught.value).startswith(message)


def test_yaml_means_what_it_looks_like() -> None:
    """Norway is a country, and a date, a time and a number with a leading zero are texts."""
    assert read_yaml("[NO, on, yes, 010, 1:30, 2026-01-01, true, 3, 0.5, ~]", file="p.yaml") == [
        *("NO", "on", "yes", "010", "1:30", "2026-01-01"),
        True,
        3,
        0.5,
        None,
    ]


def test_norway_is_a_market(tmp_path: Path) -> None:
    text = Path(__file__).with_name("norway.yaml").read_text(encoding="utf-8")
    (tmp_path / "norway.yaml").write_text(text, encoding="utf-8")
    (policy,) = load_policies(tmp_path)
    assert policy.markets == frozenset({"NO", "SE"})


def test_a_digest_is_of_meaning_not_of_layout() -> None:
    """Key order, defaults written out and 1 for 1.0 make no difference; a changed word does."""
    one = compiled(rule(detects={"detector": "d", "label": "l", "min_score": 1}))
    fields = list(document(rule(detects={"min_score": 1.0, "label": "l", "detector": "d"}), overlays=[]).items())
    other = validated(dict(reversed(fields)), PolicyDocument, file="p.yaml")
    assert canonical(other) == one.document
    changed = compiled(rule(detects={"detector": "d", "label": "l", "min_score": 1}, message="Not there."))
    assert changed.reference.digest != one.reference.digest


def test_the_canonical_form_does_not_drift() -> None:
    """Digests in ledgers refer to it for years: a change of schema or serialiser that moves it must be deliberate."""
    expected = (
        '{"id":"comments","mode":"live","on_unknown":"fail_closed","overlays":[],"rules":[{"action":"BLOCK","category":'
        '"hate","detects":{"detector":"text_harm","label":"hate","min_severity":5},"id":"hate","message":"Nicht hier, '
        'bitte: ü","reporting":{"category":"STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH","ground":'
        '"DECISION_GROUND_INCOMPATIBLE_CONTENT","reference":"Guidelines, section 2"}}],"surfaces":["comment"],'
        '"version":1}'
    )
    policy = compiled(rule(message="Nicht hier, bitte: ü"))
    assert policy.document == expected
    assert policy.reference.digest == digest_of(expected)
    assert len(policy.reference.digest) == 64


def test_a_kept_document_keeps_its_digest() -> None:
    """The digest is of the text that was kept, even if today's schema would write it differently."""
    policy = compiled(rule())
    spaced = policy.document.replace('"version":1', '"version": 1')
    kept = compile_document(spaced)
    assert compile_document(policy.document).reference == policy.reference
    assert kept.reference.digest == digest_of(spaced)
    assert kept.rules[0].action is Action.BLOCK


@pytest.mark.parametrize("text", ["", "[]", '{"id":"x"}', "not json"])
def test_what_is_no_policy_document_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        compile_document(text)
