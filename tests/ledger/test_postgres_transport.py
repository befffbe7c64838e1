"""A connection that may be read or taken over on its way is warned of; the warning never shows a part of the URI."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ledger.postgres_server import PostgresServer
from tidegate.cli.main import main
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.transport import unverified

SECRET = "hush-3f9a"
REMOTE = f"postgresql://led:{SECRET}@db.internal:5432/tidegate"
ADVICE = "set sslmode=verify-full, and sslrootcert to the file"


@pytest.fixture(autouse=True)
def _nothing_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.startswith(("PG", "TIDEGATE_"))]:
        monkeypatch.delenv(name)


def told(dsn: str) -> str | None:
    return unverified(PostgresTarget(dsn), whose="the ledger's")


@pytest.mark.parametrize(
    ("options", "says", "means"),
    [
        ("", "says no sslmode, so prefer is in force", "may go over the network as plain text"),
        ("?sslmode=prefer", "says sslmode=prefer", "may go over the network as plain text"),
        ("?sslmode=allow", "says sslmode=allow", "may go over the network as plain text"),
        ("?sslmode=disable", "says sslmode=disable", "go over the network as plain text"),
        ("?sslmode=require", "says sslmode=require", "encrypted, but the server is not verified"),
    ],
)
def test_what_each_mode_lacks_is_told_in_a_sentence_that_shows_nothing_else(
    options: str, says: str, means: str
) -> None:
    sentence = told(REMOTE + options) or ""
    assert sentence.startswith(f"the ledger's connection URI {says}: ")
    assert means in sentence
    assert ADVICE in sentence
    assert not [part for part in (SECRET, "led:", "db.internal") if part in sentence]


@pytest.mark.parametrize(
    "dsn",
    [
        REMOTE + "?sslmode=verify-full&sslrootcert=/ca.crt",
        REMOTE + "?sslmode=verify-ca&sslrootcert=/ca.crt",
        REMOTE + "?sslmode=require&sslrootcert=/ca.crt",  # libpq takes it for verify-ca
    ],
)
def test_a_verified_server_needs_no_warning(dsn: str) -> None:
    assert told(dsn) is None


@pytest.mark.parametrize(
    ("dsn", "local"),
    [
        ("postgresql:///tidegate", True),
        ("postgresql:///tidegate?host=/var/run/postgresql", True),
        ("postgresql://led@127.0.0.1/tidegate", True),
        ("postgresql://led@[::1]:5432/tidegate", True),
        ("host=localhost dbname=tidegate", True),
        ("postgresql://led@db.internal/tidegate?hostaddr=127.0.0.1", True),
        ("postgresql://led@127.0.0.1,db.internal/tidegate", False),
        ("postgresql://led@localhost/tidegate?hostaddr=192.0.2.1", False),
        ("host=db.internal dbname=tidegate", False),
    ],
)
def test_connections_within_the_machine_need_no_warning(dsn: str, local: bool) -> None:
    assert (told(dsn) is None) is local


def test_what_libpq_reads_from_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.internal")
    assert told("postgresql:///tidegate")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert told("postgresql:///tidegate") is None
    assert told("postgresql:///tidegate?sslmode=require")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_check_config_warns_of_both_stores_and_prints_the_settings_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("{ledger: {store: postgres}, banks: {store: postgres}}")
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", REMOTE)
    monkeypatch.setenv("TIDEGATE_BANKS_DSN", REMOTE + "?sslmode=require")
    result = run("--config", str(config), "check-config", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ledger"]["store"]) == (0, "postgres")
    ledger, banks = result.stderr.splitlines()
    assert ledger.startswith("warning: the ledger's connection URI says no sslmode")
    assert banks.startswith("warning: the hash banks' connection URI says sslmode=require")
    assert SECRET not in result.output
    for name in ("TIDEGATE_LEDGER_DSN", "TIDEGATE_BANKS_DSN"):
        monkeypatch.setenv(name, REMOTE + "?sslmode=verify-full&sslrootcert=/ca.crt")
    assert run("--config", str(config), "check-config", "--json").stderr == ""


@pytest.mark.integration
@pytest.mark.parametrize("store", ["ledger", "banks"])
def test_migrate_warns_and_goes_on(store: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    database = postgres.create_database(f"warned_{store}")
    monkeypatch.setenv(f"TIDEGATE_{store.upper()}__STORE", "postgres")
    for host, warnings in (("0.0.0.0", 1), ("127.0.0.1", 0)):  # the first is no loopback address, and leads here
        dsn = database.replace("tidegate@127.0.0.1", f"tidegate:{SECRET}@{host}")
        assert SECRET in dsn
        monkeypatch.setenv(f"TIDEGATE_{store.upper()}_DSN", dsn)
        result = run(store, "migrate")
        assert (result.exit_code, result.stderr.count(ADVICE)) == (0, warnings), result.output
        assert SECRET not in result.output
