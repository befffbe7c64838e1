"""The commands that look back at a ledger, on every store, named on the command line and by the settings."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.sample_records import sample_record
from tests.ledger.stores import LedgerStore
from tidegate.cli.main import main
from tidegate.postgres.connection import PostgresTarget

SECRET = "hush-3f9a"


@pytest.fixture
async def written(store: LedgerStore) -> LedgerStore:
    """Three records."""
    ledger = store.ledger()
    for number in range(3):
        await ledger.append(sample_record(decision_id=f"d{number}"))
    await ledger.close()
    return store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_verify_and_stats(written: LedgerStore) -> None:
    report = json.loads(run("ledger", "verify", "--ledger", written.named, "--json").stdout)
    assert (report["intact"], report["records"], report["writers"]) == (True, 3, 1)
    statistics = json.loads(run("ledger", "stats", "--ledger", written.named, "--json").stdout)
    assert (statistics["records"], statistics["first"]) == (3, "2026-11-22T19:30:00.123456+00:00")
    assert statistics["size_bytes"] > 1_000


def test_a_broken_ledger_fails(written: LedgerStore) -> None:
    written.tamper("DELETE FROM records WHERE decision_id = 'd1'")
    result = run("ledger", "verify", "--ledger", written.named)
    assert result.exit_code == 1
    assert "GAP" in result.output


def test_export_says_what_it_wrote_and_goes_on(written: LedgerStore, tmp_path: Path) -> None:
    export = ("ledger", "export", "--ledger", written.named, "--out", str(tmp_path / "out"))
    assert "3 decisions written into 1 files" in run(*export).output
    told = json.loads(run(*export, "--json").stdout)
    assert (told["records"], told["files"], told["records_in_all"]) == (0, 0, 3)
    assert json.loads(run(*export, "--since", "2026-11-23", "--json").stdout)["days"] == 0


def test_export_fails_with_the_record_that_was_altered_and_sends_to_verify(
    written: LedgerStore, tmp_path: Path
) -> None:
    written.tamper("UPDATE records SET record = x'00' WHERE decision_id = 'd1'")
    result = run("ledger", "export", "--ledger", written.named, "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "decision d1" in result.stderr
    assert "tidegate ledger verify" in result.stderr
    assert "2 decisions of 1 day are there" in result.stdout


def test_export_names_the_file_that_is_damaged(written: LedgerStore, tmp_path: Path) -> None:
    export = ("ledger", "export", "--ledger", written.named, "--out", str(tmp_path / "out"))
    run(*export)
    [part] = (tmp_path / "out/decisions").rglob("*.parquet")
    part.write_bytes(part.read_bytes()[:-100])
    result = run(*export)
    assert result.exit_code == 1
    assert f"Error: {part} is damaged" in result.output


@pytest.mark.parametrize("until", ["2026-11-22", "2026-11-23"])
def test_export_refuses_bounds_with_no_day_between(written: LedgerStore, tmp_path: Path, until: str) -> None:
    bounds = ("--since", "2026-11-23", "--until", until)
    result = run("ledger", "export", "--ledger", written.named, "--out", str(tmp_path / "out"), *bounds)
    assert result.exit_code == 2
    assert "--since must be before --until" in result.output
    assert not (tmp_path / "out").exists()


def test_a_ledger_that_is_not_there_is_told_and_migrate_makes_it(store: LedgerStore) -> None:
    missing = run("ledger", "verify", "--ledger", store.named)
    assert missing.exit_code == 1
    assert "There is no ledger" in missing.output
    for _ in range(2):
        assert run("ledger", "migrate", "--ledger", store.named).exit_code == 0
    assert run("ledger", "verify", "--ledger", store.named).exit_code == 0


def test_replay_reads_it(written: LedgerStore) -> None:
    document = json.loads(run("replay", "--ledger", written.named, "--json").stdout)
    assert (document["decisions"], document["replayed"]) == (3, 0)
    assert {difference["kind"] for difference in document["differences"]} == {"POLICY_MISSING"}


def with_password(target: PostgresTarget) -> str:
    """The server trusts everybody, so that any password does."""
    return target.dsn.replace("tidegate@", f"tidegate:{SECRET}@")


@pytest.mark.integration
def test_the_settings_name_the_database_and_nothing_shows_its_password(
    target: PostgresTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_LEDGER__STORE", "postgres")
    secret = tmp_path / "dsn"
    secret.write_text(with_password(target) + "\n")
    monkeypatch.setenv("TIDEGATE_LEDGER__DSN_FILE", str(secret))
    outputs = [
        run("ledger", "migrate"),
        run("ledger", "verify"),
        run("ledger", "verify", "--help"),
        run("check-config"),
        run("check-config", "--json"),
        run("serve-config"),
    ]
    assert [each.exit_code for each in outputs] == [0] * len(outputs)
    assert target.dsn.partition("@")[2] in outputs[0].output
    assert str(secret) in outputs[3].output
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", f"postgresql://tidegate:{SECRET}@127.0.0.1:1/nothing")
    outputs += [run("ledger", "verify"), run("replay"), run("ledger", "migrate")]
    assert [each.exit_code for each in outputs[-3:]] == [1, 1, 1]
    assert "Connection refused" in outputs[-1].output
    assert not [each.output for each in outputs if SECRET in each.output]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (f"postgresl://u:{SECRET}@h/d", "must be a PostgreSQL connection URI"),
        (f"u:{SECRET}", "must be a PostgreSQL connection URI"),
        (f"postgresql://u:{SECRET}@h/d?speling=1", "options that libpq knows"),
        (f"postgresql://u:two {SECRET}@h/d", "spaces (%20)"),
        (f"postgresql://u:%zz{SECRET}@h/d", "`%` (%25)"),
    ],
)
def test_a_uri_that_names_no_database_is_refused_without_repeating_it(
    uri: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_LEDGER__STORE", "postgres")
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", uri)
    result = run("check-config")
    assert result.exit_code == 1
    assert told in result.output
    assert SECRET not in result.output
