"""`tidegate policy` as a person and as a script use it."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tidegate.cli.policy import PACKAGED, policy


def run(*arguments: str) -> Result:
    return CliRunner().invoke(policy, list(arguments), catch_exceptions=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shipped policies, to be spoilt."""
    return Path(shutil.copytree(PACKAGED, tmp_path / "policies"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_check_accepts_what_is_shipped() -> None:
    result = run("check", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["gaps"]) == (0, True, [])
    assert {one["id"] for one in document["policies"]} >= {"comments", "profiles", "playlists", "podcasts"}
    assert run("check").exit_code == 0


def test_check_names_what_is_wrong_and_fails(copied: Path) -> None:
    replace(copied / "comments.yaml", "label: threat", "label: thread")
    replace(copied / "profiles.yaml", "action: BLOCK", "action: BAN")
    people, machines = run("check", str(copied)), run("check", str(copied), "--json")

    assert (people.exit_code, machines.exit_code) == (1, 1)
    assert "Error: comments.yaml: text_harm has no label thread" in people.stderr
    assert "Error: profiles.yaml: rules[0] (hate_severe).action: 'BAN' is not allowed" in people.stderr
    assert [problem["file"] for problem in json.loads(machines.stdout)["problems"]] == [
        "comments.yaml",
        "profiles.yaml",
    ]


def test_check_fails_if_some_content_would_have_no_policy(copied: Path) -> None:
    (copied / "podcasts.yaml").unlink()
    result = run("check", str(copied))
    assert result.exit_code == 1
    assert "nothing decides for podcast_episode: no live policy" in result.stderr


def test_test_passes_on_what_is_shipped() -> None:
    result = run("test", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["unexercised"]) == (0, True, [])
    assert all(case["passes"] for case in document["cases"])
    people = run("test")
    assert people.exit_code == 0
    assert f"{len(document['cases'])} of {len(document['cases'])} cases pass" in people.stdout


def test_test_fails_and_says_which_case_came_out_otherwise(copied: Path) -> None:
    """Somebody raises a threshold, and the case that protects it speaks up."""
    replace(copied / "comments.yaml", "label: profanity, min_severity: 5", "label: profanity, min_severity: 6")
    result = run("test", str(copied), "--json")
    failing = [case for case in json.loads(result.stdout)["cases"] if not case["passes"]]
    assert result.exit_code == 1
    assert [(case["case"], case["differences"]) for case in failing] == [
        ("Strong language is labelled", ["action is ALLOW, not LABEL", "profanity_strong is not fired"])
    ]
    assert "FAIL" in run("test", str(copied)).stdout


def test_test_fails_if_there_is_nothing_to_run(copied: Path) -> None:
    shutil.rmtree(copied / "cases")
    assert run("test", str(copied)).exit_code == 1


def test_show_resolves_overlays_for_a_market() -> None:
    def thresholds(*market: str) -> dict[str, str]:
        rules = json.loads(run("show", "profiles", *market, "--json").stdout)["rules"]
        return {one["id"]: one["condition"] for one in rules}

    assert thresholds()["hate_severe"] == "severity.text_harm.hate >= 5"
    assert thresholds("--market", "DE")["hate_severe"] == "severity.text_harm.hate >= 4"
    assert "profanity_strong" not in thresholds("--market", "IE")
    people = run("show", "profiles", "--market", "IE")
    assert people.exit_code == 0
    assert "not in force here: profanity_strong" in people.stdout


def test_show_refuses_what_does_not_exist() -> None:
    unknown = run("show", "nothing")
    assert unknown.exit_code == 1
    assert "known: comments (version " in unknown.stderr
    assert run("show", "comments", "--market", "UK").exit_code == 2
