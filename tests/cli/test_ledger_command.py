"""`tidegate ledger`: what it prints, and how it exits."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.sample_records import SAMPLE_TIME, sample_record
from tidegate.cli.ledger import ledger
from tidegate.ledger.sqlite_adapter import SqliteLedger


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A ledger with three records."""
    path = tmp_path / "ledger.db"
    written = SqliteLedger(path, timeout_s=60)
    for number in range(3):
        await written.append(sample_record(decision_id=f"d{number}"))
    await written.close()
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ledger, arguments, catch_exceptions=False)


def break_it(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("DROP TRIGGER records_refuse_delete")
    database.execute("DELETE FROM records WHERE decision_id = 'd1'")
    database.commit()
    database.close()


def test_an_intact_ledger_passes(path: Path) -> None:
    result = run("verify", "--ledger", str(path))
    assert result.exit_code == 0
    assert "intact" in result.output
    assert "3 records of 1 writers" in result.output


def test_machines_get_one_object(path: Path) -> None:
    result = run("verify", "--ledger", str(path), "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["intact"], document["records"], document["writers"], document["breaks"]) == (True, 3, 1, [])
    assert len(document["heads_digest"]) == 64


def test_a_broken_ledger_fails_and_names_the_place(path: Path) -> None:
    break_it(path)
    result = run("verify", "--ledger", str(path))
    assert result.exit_code == 1
    assert "GAP" in result.output
    assert "d2" in result.output


def test_machines_get_the_broken_place(path: Path) -> None:
    break_it(path)
    result = run("verify", "--ledger", str(path), "--json")
    [found] = json.loads(result.stdout)["breaks"]
    assert result.exit_code == 1
    assert (found["kind"], found["decision_id"], found["sequence"]) == ("GAP", "d2", 3)


@pytest.mark.parametrize("command", ["verify", "stats"])
def test_no_ledger_is_an_error_and_none_is_made(tmp_path: Path, command: str) -> None:
    missing = tmp_path / "none.db"
    result = run(command, "--ledger", str(missing))
    assert result.exit_code == 1
    assert "There is no ledger" in result.output
    assert not missing.exists()


@pytest.mark.parametrize("command", ["verify", "stats"])
def test_a_file_that_is_no_ledger_is_an_error_without_a_stack_trace(tmp_path: Path, command: str) -> None:
    other = tmp_path / "other.db"
    other.write_text("something else entirely, " * 100)
    result = run(command, "--ledger", str(other), "--json")
    assert result.exit_code == 1
    assert "can't be read" in result.output
    assert "Traceback" not in result.output


def test_a_damaged_page_is_an_error_without_a_stack_trace(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 16384)
    result = run("verify", "--ledger", str(path))
    assert result.exit_code == 1
    assert "can't be read" in result.output


def test_stats_tell_how_much_there_is(path: Path) -> None:
    document = json.loads(run("stats", "--ledger", str(path), "--json").stdout)
    assert (document["records"], document["writers"], document["policies"]) == (3, 1, 0)
    assert document["first"] == document["last"] == SAMPLE_TIME.isoformat()
    assert document["size_bytes"] == path.stat().st_size
    assert run("stats", "--ledger", str(path)).exit_code == 0
