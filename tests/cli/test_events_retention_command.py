"""`tidegate events retention` on a real log; what training sets, skew and computations say of it afterwards."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tidegate.cli.main import main
from tidegate.features.events import sqlite_schema
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog

DAY = timedelta(days=1)


def run(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--state-dir", str(state), "events", "retention", *arguments])


def filled(state: Path, *, borne_out: bool = True) -> SqliteEventLog:
    """Events of an account: a play a hundred days ago, a comment as long ago, and comments of two years ago."""
    now = datetime.now(UTC)
    log = SqliteEventLog(state / "events.db")
    old = [AccountEvent(f"old-{n}", "a", EventKind.COMMENT, now - 700 * DAY, subject_id="c") for n in range(4)]
    log.append(old, recorded_at=now - 700 * DAY)
    at = now - 100 * DAY
    recent = [AccountEvent("p", "a", EventKind.PLAY, at), AccountEvent("c", "a", EventKind.COMMENT, at, subject_id="c")]
    log.append(recent, recorded_at=at)
    if borne_out:
        log.append([AccountEvent("now", "b", EventKind.FOLLOW, now, counterpart_id="d")], recorded_at=now)
    return log


def test_it_removes_what_is_old_and_says_what_it_did(tmp_path: Path) -> None:
    log = filled(tmp_path)
    would = json.loads(run(tmp_path, "--keep-days", "402", "--dry-run", "--json").stdout)
    assert (would["events"], would["dry_run"], would["signals_since"]) == (4, True, None)
    assert log.held(["a"]) == {"a": 6}
    done = json.loads(run(tmp_path, "--keep-days", "402", "--json").stdout)
    assert (done["events"], done["removed"]) == (4, 4)
    since = datetime.fromisoformat(done["signals_since"])
    assert timedelta(0) <= datetime.now(UTC) - 30 * DAY - since < DAY
    assert log.history(["a"])["event_id"].to_pylist() == ["old-0", "c"]
    again = run(tmp_path, "--keep-days", "500")
    assert "0 events removed" in again.stdout
    assert "signals of the last 128 days" in again.stdout
    log.close()


def test_a_period_that_is_too_short_or_missing_is_refused_and_nothing_goes(tmp_path: Path) -> None:
    log = filled(tmp_path)
    short = run(tmp_path, "--keep-days", "401")
    assert short.exit_code == 2
    told = " ".join(short.stderr.replace("│", " ").split())
    assert "must be at least 402 days, is 401: signals read events 372 days back" in told
    missing = run(tmp_path)
    assert (missing.exit_code, "at least 402" in missing.stderr) == (2, True)
    assert log.held(["a"]) == {"a": 6}
    log.close()


def test_help_names_the_days_that_are_taken(tmp_path: Path) -> None:
    told = run(tmp_path, "--help").output
    assert "402 to 365000" in told
    assert "x<=" not in told
    assert "must be at most 365000 days" in " ".join(run(tmp_path, "--keep-days", "365001").stderr.split())


def test_without_a_log_none_is_made(tmp_path: Path) -> None:
    assert "There is no event log" in run(tmp_path, "--keep-days", "402").stderr
    assert not (tmp_path / "events.db").exists()


def test_a_file_that_is_no_log_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "events.db") as connection:
        connection.execute("CREATE TABLE other (x)")
    told = run(tmp_path, "--keep-days", "402")
    assert (told.exit_code, "can't be written or read" in told.stderr) == (1, True)
    assert "Traceback" not in told.output


def test_a_clock_that_no_event_bears_out_removes_nothing_unless_told_that_it_is_right(tmp_path: Path) -> None:
    log = filled(tmp_path, borne_out=False)
    told = run(tmp_path, "--keep-days", "402")
    assert (told.exit_code, "give --clock-is-right" in told.stderr) == (1, True)
    assert log.held(["a"]) == {"a": 6}
    assert "4 events removed" in run(tmp_path, "--keep-days", "402", "--clock-is-right").stdout
    log.close()


@pytest.mark.parametrize("arguments", [("--dry-run",), ()])
def test_a_log_of_an_older_version_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    path = tmp_path / "events.db"
    with monkeypatch.context() as older:
        older.setattr(sqlite_schema, "MIGRATIONS", sqlite_schema.MIGRATIONS[:1])
        sqlite_schema.open_event_log(path, timeout_s=1.0).close()
    before = path.read_bytes()
    told = run(tmp_path, "--keep-days", "402", *arguments)
    assert (told.exit_code, "Start the stack of this version" in told.stderr) == (1, True)
    assert path.read_bytes() == before
