"""`tidegate check-config`: says whether a configuration can be used, and starts nothing."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from tidegate.cli.main import main
from tidegate.serving.composition import PACKAGED_POLICIES


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A copy of the policies that come with Tidegate."""
    copy = tmp_path / "policies"
    shutil.copytree(PACKAGED_POLICIES, copy)
    return copy


def run(tmp_path: Path, document: object, *arguments: str) -> Result:
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump(document))
    return CliRunner().invoke(main, ["--config", str(config), "check-config", *arguments])


def test_the_settings_in_force_are_shown(tmp_path: Path) -> None:
    result = run(tmp_path, {"grpc": {"port": 9_123}})
    assert result.exit_code == 0
    shown = yaml.safe_load(result.stdout)
    assert shown["grpc"]["port"] == 9_123
    assert shown["topology"] == "distributed"


def test_machines_get_json(tmp_path: Path) -> None:
    result = run(tmp_path, {"topology": "colocated"}, "--json")
    assert json.loads(result.stdout)["topology"] == "colocated"


def test_the_environment_is_stronger_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_GRPC__PORT", "9200")
    result = run(tmp_path, {"grpc": {"port": 9_123, "reflection": False}}, "--json")
    assert json.loads(result.stdout)["grpc"] | {"port": 9200, "reflection": False} == json.loads(result.stdout)["grpc"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"grpc": {"prot": 1}}, "grpc.prot"),
        ({"grpc": {"port": 70_000}}, "grpc.port"),
        ({"topology": "round"}, "topology"),
        ({"budget": {"default_ms": 0}}, "budget.default_ms"),
        (["a list"], "mapping"),
    ],
)
def test_a_wrong_setting_is_named_and_fails(tmp_path: Path, document: object, words: str) -> None:
    result = run(tmp_path, document)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_text_that_is_no_yaml_fails(tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("grpc: [")
    result = CliRunner().invoke(main, ["--config", str(config), "check-config"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not valid YAML" in result.stderr


def test_a_wrong_policy_is_named_and_fails(tmp_path: Path, policies: Path) -> None:
    (policies / "comments.yaml").write_text("id: comments\nnonsense: true\n")
    result = run(tmp_path, {"policies_dir": str(policies)})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "comments.yaml" in result.stderr


def test_content_that_no_policy_decides_on_fails(tmp_path: Path, policies: Path) -> None:
    (policies / "playlists.yaml").unlink()
    (policies / "cases" / "playlists.yaml").unlink()
    result = run(tmp_path, {"policies_dir": str(policies)})
    assert result.exit_code == 1
    assert "playlist" in result.stderr


def test_a_folder_without_policies_fails(tmp_path: Path) -> None:
    result = run(tmp_path, {"policies_dir": str(tmp_path / "nowhere")})
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
