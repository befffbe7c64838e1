"""Where the settings put the hash banks: which database, and that a secret is never told."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tidegate.cli.main import main
from tidegate.detectors.banks.postgres_adapter import PostgresBanks
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.serving.bank_store import bank_matcher, bank_place, hash_banks, make_banks
from tidegate.serving.settings import Settings, SettingsError, load_settings

SECRET = "hush-hush"
OWN, LEDGERS = f"postgresql://b:{SECRET}@banks:5432/own", f"postgresql://l:{SECRET}@ledger:5432/decisions"


@pytest.fixture
def settings() -> Settings:
    return load_settings(banks={"store": "postgres"})


def test_by_default_they_are_a_file_of_this_machine(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path / "state")
    assert isinstance(hash_banks(settings), SqliteBanks)
    make_banks(settings)
    assert bank_place(settings) == str(settings.banks_path)
    assert settings.banks_path.is_file()


def test_their_own_database_goes_before_the_ledgers_and_the_environment_before_files(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dsn"
    file.write_text("postgresql://b@file:5432/own\n")
    with_file = load_settings(banks={"store": "postgres", "dsn_file": file})
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", LEDGERS)
    assert isinstance(hash_banks(settings), PostgresBanks)
    assert bank_place(settings) == "postgresql://ledger:5432/decisions"
    assert bank_place(with_file) == "postgresql://file:5432/own"
    monkeypatch.setenv("TIDEGATE_BANKS_DSN", OWN)
    assert bank_place(with_file) == "postgresql://banks:5432/own"
    assert SECRET not in str(with_file.payload())


def test_a_ledgers_file_serves_for_both(tmp_path: Path) -> None:
    file = tmp_path / "dsn"
    file.write_text(LEDGERS)
    settings = load_settings(banks={"store": "postgres"}, ledger={"store": "postgres", "dsn_file": file})
    assert bank_place(settings) == "postgresql://ledger:5432/decisions"


def test_no_database_at_all_is_told_with_every_place_to_name_one(settings: Settings) -> None:
    for use in (hash_banks, bank_matcher, bank_place, make_banks):
        with pytest.raises(SettingsError, match=r"TIDEGATE_BANKS_DSN.*banks\.dsn_file.*TIDEGATE_LEDGER_DSN"):
            use(settings)


def test_a_file_of_theirs_that_can_not_be_read_is_no_reason_to_take_the_ledgers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_LEDGER_DSN", LEDGERS)
    settings = load_settings(banks={"store": "postgres", "dsn_file": tmp_path / "missing"})
    with pytest.raises(SettingsError, match=r"banks\.dsn_file: .*No such file"):
        hash_banks(settings)


def test_a_secret_among_the_settings_is_refused_with_where_it_belongs(tmp_path: Path) -> None:
    file = tmp_path / "tidegate.yaml"
    file.write_text(f"banks: {{dsn: '{OWN}'}}\n")
    with pytest.raises(SettingsError, match=r"banks\.dsn: .*TIDEGATE_BANKS_DSN") as refused:
        load_settings(file)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("command", [["check-config"], ["banks", "migrate"]])
def test_commands_tell_a_uri_that_names_no_database_without_repeating_it(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_BANKS__STORE", "postgres")
    monkeypatch.setenv("TIDEGATE_BANKS_DSN", f"postgresl://u:{SECRET}@h/d")
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "must be a PostgreSQL connection URI" in result.output
    assert SECRET not in result.output


def test_a_database_that_does_not_answer_is_told_by_name_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_BANKS__STORE", "postgres")
    monkeypatch.setenv("TIDEGATE_BANKS_DSN", f"postgresql://u:{SECRET}@127.0.0.1:1/nothing")
    result = CliRunner().invoke(main, ["banks", "migrate"])
    assert result.exit_code == 1
    assert "postgresql://127.0.0.1:1/nothing can't be used" in result.output
    assert "Connection refused" in result.output
    assert SECRET not in result.output
