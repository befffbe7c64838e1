"""`tidegate replay` with the real policy engine on decisions that a policy really made."""

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.sample_records import sample_inputs, sample_record
from tidegate.cli.replay import replay
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.moderation.decision import Action, DecisionRecord, ShadowOutcome
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.loader import load_policy

POLICIES = Path(__file__).parents[2] / "services" / "tidegate" / "policies"


@pytest.fixture(scope="module")
def live() -> CompiledPolicy:
    return load_policy(POLICIES / "comments.yaml")


@pytest.fixture(scope="module")
def shadow() -> CompiledPolicy:
    return load_policy(POLICIES / "comments_trial.yaml")


def decided(live: CompiledPolicy, shadow: CompiledPolicy, score: float) -> DecisionRecord:
    inputs = sample_inputs(score)
    outcome, beside = live.evaluate(inputs), shadow.evaluate(inputs)
    rules = tuple(violation.rule for violation in beside.violations)
    return sample_record(
        inputs=inputs,
        policy=live.reference,
        action=outcome.action,
        violations=outcome.violations,
        shadow=(ShadowOutcome(shadow.reference, beside.action, rules),),
    )


@pytest.fixture
def records(live: CompiledPolicy, shadow: CompiledPolicy) -> list[DecisionRecord]:
    return [decided(live, shadow, score / 20) for score in range(20)]


@pytest.fixture
async def path(tmp_path: Path, live: CompiledPolicy, shadow: CompiledPolicy, records: list[DecisionRecord]) -> Path:
    """Twenty decisions as the policies made them."""
    await write(tmp_path / "ledger.db", [live, shadow], records)
    return tmp_path / "ledger.db"


async def write(path: Path, policies: list[CompiledPolicy], records: list[DecisionRecord]) -> None:
    ledger = SqliteLedger(path, timeout_s=60)
    await ledger.keep_policies({policy.reference.digest: policy.document for policy in policies})
    for record in records:
        await ledger.append(record)
    await ledger.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(replay, arguments, catch_exceptions=False)


def test_decisions_come_out_again(path: Path) -> None:
    result = run("--ledger", str(path), "--json")
    told = {"differences": [], "decisions": 20, "replayed": 20, "differing": 0, "removed_by_retention": 0}
    assert json.loads(result.stdout) == told
    assert result.exit_code == 0


def test_people_get_a_sentence(path: Path) -> None:
    result = run("--ledger", str(path))
    assert result.exit_code == 0
    assert "no difference" in result.output
    assert "20 of 20 decisions replayed" in result.output


async def test_a_decision_that_policy_would_not_make_is_listed(path: Path, records: list[DecisionRecord]) -> None:
    other = Action.LABEL if records[0].action is not Action.LABEL else Action.BLOCK
    wrong = [dataclasses.replace(records[0], decision_id=f"wrong{number}", action=other) for number in range(2)]
    await write(path, [], wrong)
    result = run("--ledger", str(path), "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(each["decision_id"], each["kind"], each["recorded"]) for each in document["differences"]] == [
        ("wrong0", "ACTION", other.value),
        ("wrong1", "ACTION", other.value),
    ]
    assert (document["decisions"], document["replayed"], document["differing"]) == (22, 22, 2)
    people = run("--ledger", str(path))
    assert people.exit_code == 1
    assert "wrong0" in people.output
    assert "2 differ" in people.output


async def test_a_policy_that_was_not_kept_fails(
    tmp_path: Path, live: CompiledPolicy, records: list[DecisionRecord]
) -> None:
    await write(tmp_path / "bare.db", [live], records[:1])
    result = run("--ledger", str(tmp_path / "bare.db"), "--json")
    [difference] = json.loads(result.stdout)["differences"]
    assert result.exit_code == 1
    assert difference["kind"] == "POLICY_MISSING"


def test_the_policy_as_it_is_now_changes_nothing_if_it_was_not_edited(path: Path) -> None:
    result = run("--ledger", str(path), "--policy", str(POLICIES / "comments.yaml"), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["replayed"] == 20


def test_a_policy_for_other_decisions_replays_none(path: Path) -> None:
    document = json.loads(run("--ledger", str(path), "--policy", str(POLICIES / "profiles.yaml"), "--json").stdout)
    assert (document["decisions"], document["replayed"]) == (20, 0)


def test_a_policy_file_that_is_none_is_named(path: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("id: [")
    result = run("--ledger", str(path), "--policy", str(wrong))
    assert result.exit_code == 1
    assert "wrong.yaml" in result.output
    assert "Traceback" not in result.output


def test_since_takes_a_day_and_refuses_nonsense(path: Path) -> None:
    assert json.loads(run("--ledger", str(path), "--since", "2026-11-22", "--json").stdout)["decisions"] == 20
    assert json.loads(run("--ledger", str(path), "--since", "2026-11-23", "--json").stdout)["decisions"] == 0
    assert run("--ledger", str(path), "--since", "yesterday").exit_code == 2


def test_no_ledger_is_an_error(tmp_path: Path) -> None:
    result = run("--ledger", str(tmp_path / "none.db"))
    assert result.exit_code == 1
    assert "There is no ledger" in result.output
