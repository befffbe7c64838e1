"""Generates Triton's model repository for a profile: one folder per detector, each config from the catalogue."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.model_config import ONNX_FILE, model_config
from tidegate.models.serving_profile import Profile


@dataclass(frozen=True, slots=True)
class ModelRepository:
    """A repository on disk."""

    root: Path
    """What `tritonserver --model-repository` takes."""
    models: tuple[tuple[str, str], ...]
    """Name and version of each model in it."""


def write_repository(
    root: Path, specs: Iterable[DetectorSpec], profile: Profile, *, graphs: Mapping[tuple[str, str], Path]
) -> ModelRepository:
    """Writes the repository, replacing what was there only once the new one is whole.

    Args:
        root: folder to write.
        specs: detector versions to serve; several versions of one detector share a model.
        profile: kind of machine.
        graphs: the exported ONNX file of each, by name and version.

    Returns:
        The repository.
    """
    kept = tuple(specs)
    partial = root.with_name(f"{root.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    for spec in kept:
        version = partial / spec.name / spec.version
        version.mkdir(parents=True)
        together = [one for one in kept if one.name == spec.name]
        (partial / spec.name / "config.pbtxt").write_text(model_config(together, profile), encoding="utf-8")
        _place(graphs[spec.name, spec.version], version / ONNX_FILE)
        if profile.backend == "python":
            (version / "model.py").write_text(runner_source(), encoding="utf-8")
    shutil.rmtree(root, ignore_errors=True)
    partial.rename(root)
    return ModelRepository(root, tuple((spec.name, spec.version) for spec in kept))


def runner_source() -> str:
    """Returns the source of the generic `model.py`."""
    return files("tidegate.models").joinpath("onnx_runner.py").read_text(encoding="utf-8")


def read_repository(root: Path) -> ModelRepository:
    """Returns a repository as it is on disk. Raises FileNotFoundError if there is none."""
    if not root.is_dir():
        raise FileNotFoundError(f"no model repository at {root}")
    found = sorted((path.parent.parent.name, path.parent.name) for path in root.glob(f"*/*/{ONNX_FILE}"))
    return ModelRepository(root, tuple(found))


def digest_of(root: Path) -> str:
    """Returns a SHA-256 over the names and contents of all files: equal digests mean equal repositories."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
