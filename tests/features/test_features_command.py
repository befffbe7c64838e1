import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tidegate.cli.features import features
from tidegate.features.__main__ import main


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("features")
    done = CliRunner().invoke(main, ["seed", "--state", str(directory), "--accounts", "3"])
    assert done.exit_code == 0, done.output
    return directory


def test_show_prints_a_machine_readable_answer(state: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-strikes", "--state", str(state), "--json"])
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    values = {value["name"]: value for value in answer["features"]}
    assert answer["known"]
    assert values["account_enforcement__strikes_90d"]["value"] == 3
    assert values["account_enforcement__strikes_90d"]["freshness"] == "FRESH"
    assert values["account_enforcement__strikes_90d"]["event_time"].endswith("+00:00")


def test_show_draws_every_value_with_its_freshness(state: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-stale", "--state", str(state)])
    assert done.exit_code == 0
    assert done.stdout.count("FRESH") == 5
    assert done.stdout.count("STALE") == 6


def test_an_unknown_account_is_an_answer(state: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-nobody", "--state", str(state)])
    assert done.exit_code == 0
    assert "nothing on this account" in done.stdout


def test_no_repository_is_an_error_in_words(tmp_path: Path) -> None:
    done = CliRunner().invoke(features, ["show", "acct-new", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "tidegate features apply" in done.stderr


def test_a_store_that_does_not_answer_is_an_exit_code(state: Path, tmp_path: Path) -> None:
    for name in ("feature_store.yaml", "registry.db"):
        (tmp_path / name).write_bytes((state / name).read_bytes())
    done = CliRunner().invoke(features, ["show", "acct-new", "--state", str(tmp_path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["status"] == "FAILED"


def test_redis_without_an_address_is_a_usage_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["seed", "--state", str(tmp_path), "--online", "redis"])
    assert done.exit_code == 2
    assert "HOST:PORT" in done.stderr


def test_a_failed_materialisation_names_its_reason_without_a_stack(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["materialize", "--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "feature_store.yaml" in done.stderr
    assert "Traceback" not in done.output
