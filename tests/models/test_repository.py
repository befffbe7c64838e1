"""The model repository on disk."""

from pathlib import Path

import pytest

from tidegate.models.catalogue import catalogue
from tidegate.models.repository import digest_of, read_repository, runner_source, write_repository
from tidegate.models.serving_profile import PROFILES, ProfileName

SPECS = [catalogue()["text_harm"]]
NAMED = (SPECS[0].name, SPECS[0].version)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "graph.onnx"
    path.write_bytes(b"a graph")
    return path


def test_cpu_holds_the_runner_beside_each_graph(tmp_path: Path, graph: Path) -> None:
    made = write_repository(tmp_path / "r", SPECS, PROFILES[ProfileName.CPU], graphs={NAMED: graph})
    version = made.root / "text_harm" / SPECS[0].version
    assert (version / "model.py").read_text() == runner_source()
    assert (version / "model.onnx").read_bytes() == b"a graph"
    assert read_repository(made.root) == made


def test_gpu_needs_no_runner(tmp_path: Path, graph: Path) -> None:
    made = write_repository(tmp_path / "r", SPECS, PROFILES[ProfileName.GPU], graphs={NAMED: graph})
    assert not (made.root / "text_harm" / SPECS[0].version / "model.py").exists()


def test_writing_again_replaces_all_and_equal_inputs_give_equal_repositories(tmp_path: Path, graph: Path) -> None:
    profile = PROFILES[ProfileName.CPU]
    first = digest_of(write_repository(tmp_path / "r", SPECS, profile, graphs={NAMED: graph}).root)
    (tmp_path / "r" / "left_over").mkdir()
    (tmp_path / "r" / "left_over" / "file").write_text("old")
    assert digest_of(write_repository(tmp_path / "r", SPECS, profile, graphs={NAMED: graph}).root) == first


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="model repository"):
        read_repository(tmp_path / "none")
