"""`tidegate account`: what it prints, what it asks, and how it exits."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.accounts.conftest import deployment, untouched
from tests.accounts.deployment import DECISIONS, GONE, Deployment
from tidegate.cli.account import account
from tidegate.serving.settings import Settings

__all__ = ["deployment", "untouched"]


def run(deployment: Deployment, *arguments: str, answer: str | None = None) -> Result:
    settings = Settings(state_dir=deployment.state)
    return CliRunner().invoke(account, arguments, obj=settings, input=answer, catch_exceptions=False)


def test_export_says_how_much_there_is_store_by_store(deployment: Deployment) -> None:
    result = run(deployment, "export", GONE)
    assert result.exit_code == 0
    lines = {" ".join(line.split()[1:-4]): line.split()[0] for line in result.stdout.splitlines()[1:]}
    assert lines["rows in offline files"] == "8"
    assert lines["decision records"] == str(DECISIONS)


def test_export_as_json_holds_everything_with_freshness(deployment: Deployment) -> None:
    document = json.loads(run(deployment, "export", GONE, "--json").stdout)
    assert {name: span["count"] for name, span in document["held"].items()} == {
        name: len(document[name]) for name in ("events", "events_of_others", "online", "offline", "decisions")
    }
    assert {event["kind"] for event in document["events"]} >= {"PROFILE", "DECISION", "REPORT_RECEIVED"}
    assert {event["counterpart_id"] for event in document["events_of_others"]} == {GONE}
    assert {row["view"] for row in document["online"]} >= {"account_profile", "account_enforcement"}
    values = [value for row in document["online"] for value in row["values"]]
    assert {value["freshness"] for value in values} <= {"FRESH", "STALE", "MISSING"}
    assert all(record["account_id"] == GONE for record in document["decisions"])


def test_export_writes_lines_for_its_owner_only_and_masks_others(deployment: Deployment, tmp_path: Path) -> None:
    out = tmp_path / "export.jsonl"
    result = run(deployment, "export", GONE, "--out", str(out), "--mask-others", "--json")
    summary, *entries = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert json.loads(result.stdout) == summary
    assert len(entries) == sum(span["count"] for span in summary["held"].values())
    assert out.stat().st_mode & 0o777 == 0o600
    named = {
        entry["event"][field]
        for entry in entries
        for field in ("account_id", "counterpart_id")
        if field in entry.get("event", {})
    }
    assert named - {GONE} == {f"other-{number}" for number in range(1, len(named))}


def test_a_file_that_cannot_be_written_is_told_by_the_name_that_was_given(
    deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for out, why in ((tmp_path / "none" / "x", "No such file"), (tmp_path / "file" / "x", "Not a directory")):
        result = run(deployment, "export", GONE, "--out", str(out))
        assert result.exit_code == 1
        assert f"{out} can't be written: {why}" in result.stderr
        assert "a folder that exists" in result.stderr
        assert f".{out.name}." not in result.stderr


def test_nothing_held_is_no_failure_and_no_other_name_is_told(deployment: Deployment) -> None:
    mistyped = GONE[:-1]
    shown = run(deployment, "export", mistyped)
    assert (shown.exit_code, shown.stdout) == (0, "nothing is held on this account\n")
    document = json.loads(run(deployment, "export", mistyped, "--json").stdout)
    assert (document["events"], document["decisions"]) == ([], [])
    erased = run(deployment, "erase", mistyped, "--yes")
    assert (erased.exit_code, erased.stdout) == (0, "nothing is held on this account; nothing was erased\n")
    assert not (deployment.state / "erasures").exists()


@pytest.mark.parametrize(
    "options", [["export"], ["export", "--json"], ["erase", "--yes"], ["erase", "--yes", "--json"]]
)
def test_a_state_directory_without_an_event_log_answers_nothing_and_stays_empty(
    options: list[str], tmp_path: Path
) -> None:
    """A mistyped --state-dir must not be taken for an account of which nothing is held."""
    empty = Deployment(tmp_path / "state")
    result = run(empty, *options, GONE)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"There is no event log at {empty.state / 'events.db'}; is --state-dir right?" in result.stderr
    assert not empty.state.exists()


def test_help_of_erase_says_what_an_unknown_name_gives(deployment: Deployment) -> None:
    told = " ".join(run(deployment, "erase", "--help").output.split())
    assert "nothing is held on this account; nothing was erased" in told


def test_erase_asks_first_and_a_no_changes_nothing(deployment: Deployment) -> None:
    before = deployment.held()
    result = run(deployment, "erase", GONE, answer="n\n")
    assert result.exit_code == 1
    assert "Nobody can take this back" in result.output
    assert deployment.held() == before


def test_erase_says_what_went_what_stays_and_where_the_receipt_is(deployment: Deployment) -> None:
    result = run(deployment, "erase", GONE, answer="y\n")
    assert result.exit_code == 0
    assert f"{DECISIONS}  decision records" in result.output
    assert "Digital Services Act" in " ".join(result.output.split())
    receipt = Path(result.stdout.split("receipt ")[-1].strip())
    assert json.loads(receipt.read_text())["removed"]["offline"] == 8
    again = run(deployment, "erase", GONE, "--yes")
    assert again.exit_code == 0
    assert "nothing came since, 3 decision records are kept" in again.output
    assert "erased up to" in run(deployment, "export", GONE).output


def test_erase_tells_each_step_on_standard_error(deployment: Deployment) -> None:
    result = run(deployment, "erase", GONE, "--yes", "--json")
    assert json.loads(result.stdout)["erased"]
    assert result.stderr.splitlines() == [
        "reading every store",
        "erasing",
        "waiting for batch runs and other erasures to end",
        "looking through the stores",
        "erasing from the event log",
        "erasing from offline files",
        "erasing from the online store",
        "looking again",
        "rewriting the event log, so that no byte stays in its file; killed, the same command goes on",
    ]


def test_machines_get_the_receipt_and_are_asked_nothing(deployment: Deployment) -> None:
    assert run(deployment, "erase", GONE, "--json").exit_code == 2
    document = json.loads(run(deployment, "erase", GONE, "--yes", "--json").stdout)
    assert document["erased"]
    assert json.loads(Path(document["receipt_file"]).read_text())["account_digest"] == document["account_digest"]
    again = json.loads(run(deployment, "erase", GONE, "--yes", "--json").stdout)
    assert (again["erased"], again["kept"]["decisions"]["count"]) == (False, DECISIONS)


@pytest.mark.parametrize("wrong", ["", "a" * 129, "a\nb", "a\udce4"])
def test_what_cannot_be_an_id_is_a_wrong_call(deployment: Deployment, wrong: str) -> None:
    assert run(deployment, "export", wrong).exit_code == 2
