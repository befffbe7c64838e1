"""The model repository on disk."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
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


def test_an_equal_repository_stays_since_a_server_may_be_reading_it(tmp_path: Path, graph: Path) -> None:
    root = _written(tmp_path / "r", graph)
    compiled = root / "text_harm" / SPECS[0].version / "__pycache__" / "model.pyc"
    compiled.parent.mkdir()
    compiled.write_text("by a server that runs")
    _written(root, graph)
    assert compiled.exists()
    graph.unlink()
    graph.write_bytes(b"another graph")
    _written(root, graph)
    assert not compiled.exists()
    assert (root / "text_harm" / SPECS[0].version / "model.onnx").read_bytes() == b"another graph"
    assert {path.name for path in tmp_path.iterdir() if path != graph} == {"r", "r.lock"}


def test_two_processes_that_write_at_the_same_time_both_succeed(tmp_path: Path) -> None:
    graphs = []
    for name in ("a", "b"):
        graphs.append(tmp_path / name)
        graphs[-1].write_text(name)
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as processes:
        each = [processes.submit(_written, tmp_path / "r", graphs[number % 2]) for number in range(60)]
        assert {one.result() for one in each} == {tmp_path / "r"}
    (left,) = {path.read_text() for path in (tmp_path / "r").rglob("model.onnx")}
    assert left in {"a", "b"}


def _written(root: Path, graph: Path) -> Path:
    return write_repository(root, SPECS, PROFILES[ProfileName.CPU], graphs={NAMED: graph}).root


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="model repository"):
        read_repository(tmp_path / "none")
