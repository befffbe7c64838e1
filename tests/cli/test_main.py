"""`tidegate` itself: quick where nothing has to be loaded, and honest about what it does not know."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tidegate.cli.features import features
from tidegate.cli.main import COMMANDS, main
from tidegate.features.commands import COMMANDS as FEATURE_COMMANDS

_SLOW = {
    "ray",
    "feast",
    "pyarrow",
    "pandas",
    "duckdb",
    "torch",
    "onnxruntime",
    "tritonclient",
    "cel",
    "av",
    "cv2",
}
"""Packages that take a good part of a second each."""


def test_help_lists_every_command_and_loads_none() -> None:
    program = (
        "import sys\nfrom tidegate.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted(set(sys.modules) & {'ray', 'feast', 'grpc', 'tidegate.cli.up', 'tidegate.cli.moderate'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name}")
    assert isinstance(main.get_command(click.Context(main), name), click.Command)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["down"],
        ["up", "--help"],
        ["banks", "--help"],
        ["trace"],
        ["features", "--help"],
        ["features", "list"],
        ["features", "show", "--help"],
        ["features", "compute", "--help"],
    ],
    ids=" ".join,
)
def test_looking_after_the_stack_loads_nothing_that_takes_seconds(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys\nfrom tidegate.cli.main import main\n"
        f"try: main({['--state-dir', str(tmp_path), *arguments]!r}, standalone_mode=False)\n"
        "except BaseException: pass\n"
        f"print('loaded', sorted(set(sys.modules) & {_SLOW!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("loaded []")


def test_asking_needs_neither_ray_nor_feast() -> None:
    program = (
        "import sys, tidegate.cli.moderate, tidegate.cli.stream, tidegate.cli.decision, tidegate.cli.check_config\n"
        "print(sorted(set(sys.modules) & {'ray', 'feast', 'pandas', 'tritonclient'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_of_features_lists_every_command_and_each_exists() -> None:
    context = click.Context(features)
    listed = CliRunner().invoke(main, ["features", "--help"]).stdout
    for name in features.list_commands(context):
        assert f"  {name} " in listed
        assert isinstance(features.get_command(context, name), click.Command)


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("show", ["features"]),
        ("compute", ["features", "events.db"]),
        ("skew", ["events.db"]),
        ("quality", ["events.db", "features"]),
        ("training-set", ["events.db"]),
        ("reference", ["features/reference.json"]),
    ],
)
def test_help_of_features_shows_what_the_settings_give_and_asks_for_nothing_else(
    name: str, defaults: list[str], tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        main, ["--state-dir", str(tmp_path), "features", name, "--help"], env={"COLUMNS": "500"}, terminal_width=500
    )
    assert result.exit_code == 0
    assert result.stdout.count("[required]") == (1 if name == "training-set" else 0)  # its --out has no default
    for default in defaults:
        assert f"[default: {tmp_path / default}]" in result.stdout


def test_without_settings_a_repository_must_be_named() -> None:
    told = CliRunner().invoke(FEATURE_COMMANDS["compute"], ["--help"]).stdout
    assert "[required]" in told
    assert "[default: STATE/events.db]" in told
    assert CliRunner().invoke(FEATURE_COMMANDS["compute"], []).exit_code == 2


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["mod"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_a_settings_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--config", str(tmp_path / "none.yaml"), "status"])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_a_misspelt_environment_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_GRPC__PROT", "9100")
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 1
    assert "grpc.prot" in result.stderr.lower()
