"""Case files: what a case describes, and what the runner makes of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.policy.policy_samples import compiled, rule
from tidegate.moderation.decision import Action
from tidegate.policy.cases import CaseResult, run_cases, unexercised
from tidegate.policy.loader import PolicySet
from tidegate.policy.problems import PolicyError

POLICIES = PolicySet(
    {
        "comments.yaml": compiled(
            rule("hate"),
            rule("struck", detects=None, when="account.known && account.enforcement.strikes_90d >= 2", action="REVIEW"),
            rule("likely", detects={"detector": "text_harm", "label": "hate", "min_score": 0.9}),
        )
    }
)


def run(tmp_path: Path, *cases: dict[str, Any], **fields: Any) -> tuple[CaseResult, ...]:
    made = [{"name": f"case {index}", "expect": {"action": "ALLOW"}, **case} for index, case in enumerate(cases)]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"policy": "comments", "cases": made, **fields}), encoding="utf-8")
    return run_cases(POLICIES, tmp_path)


def test_a_case_without_signals_is_clean_content_of_an_unknown_account(tmp_path: Path) -> None:
    (result,) = run(tmp_path, {})
    assert (result.outcome.action, result.differences) == (Action.ALLOW, ())


def test_a_band_stands_for_its_lowest_probability_and_a_probability_for_its_band(tmp_path: Path) -> None:
    """0.95 is the edge of band 7: the band alone meets a threshold of 0.9, and the probability one of band 5."""
    results = run(
        tmp_path,
        {"parts": {"text": {"text_harm": {"hate": 7}}}},
        {"parts": {"text": {"text_harm": {"hate": 0.95}}}},
        {"parts": {"text": {"text_harm": {"hate": 6}}}},
    )
    assert [result.fired for result in results] == [("hate", "likely"), ("hate", "likely"), ("hate",)]


def test_outages_and_stale_values_make_rules_unknown(tmp_path: Path) -> None:
    results = run(
        tmp_path,
        {"parts": {"text": {"text_harm": "TIMED_OUT"}}},
        {"parts": {"text": {}, "cover": "NOT_COVERED"}, "kinds": {"cover": "image"}},
        {"account": "FAILED"},
        {"account": {"enforcement": {"strikes_90d": "STALE"}}},
        {"account": {"enforcement": {"strikes_90d": "MISSING"}}},
    )
    assert [result.unknown for result in results] == [("hate", "likely")] * 2 + [("struck",)] * 3


def test_accounts_are_named_once_for_a_file(tmp_path: Path) -> None:
    accounts = {"struck": {"enforcement": {"strikes_90d": 2}}}
    (result,) = run(tmp_path, {"account": "struck"}, accounts=accounts)
    assert result.fired == ("struck",)


def test_a_case_that_comes_out_otherwise_says_how(tmp_path: Path) -> None:
    (result,) = run(
        tmp_path,
        {
            "parts": {"text": {"text_harm": {"hate": 6}}},
            "expect": {"action": "REVIEW", "rules": ["struck"], "unknown": ["likely"]},
        },
    )
    assert result.differences == (
        "action is BLOCK, not REVIEW",
        "hate is fired",
        "struck is not fired",
        "likely is not unknown",
    )


def test_rules_that_no_case_fires_are_named(tmp_path: Path) -> None:
    results = run(tmp_path, {"parts": {"text": {"text_harm": {"hate": 6}}}})
    assert unexercised(POLICIES, results) == ("comments.struck", "comments.likely")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"parts": {"text": {"text_ham": {}}}}, "cases[0] (case 0): text_ham is not a detector"),
        ({"parts": {"text": {"text_harm": {"hat": 1}}}}, "cases[0] (case 0): hat is not a label of text_harm"),
        ({"account": "nobody"}, "cases[0] (case 0): account 'nobody' does not exist; allowed: unknown, TIMED_OUT"),
        ({"account": {"enforcement": {"strikes": 1}}}, "account_enforcement__strikes is not a feature"),
        ({"parts": {"text": {"text_harm": {"hate": 8}}}}, "cases[0] (case 0).parts.text.text_harm.hate: 8 is out of"),
        ({"surface": "profile"}, "cases[0] (case 0): policy comments is not for profile in SE"),
        ({"expected": 1}, "cases[0] (case 0).expected: is not a known key; allowed here: account, expect, kinds"),
    ],
)
def test_a_case_that_names_what_does_not_exist_is_refused(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    """A misspelt label would otherwise be a case that always passes."""
    with pytest.raises(PolicyError) as caught:
        run(tmp_path, wrong)
    assert message in str(caught.value)


def test_a_case_file_for_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="there is no shadow policy comments"):
        run(tmp_path, {}, mode="shadow")
