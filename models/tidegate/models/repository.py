"""Generates Triton's model repository for a profile: one folder per detector, each config from the catalogue."""

import fcntl
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
    """Writes the repository. One that is there and equal stays as it is: a server may be reading it.

    Another is replaced once the new one is whole.

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
    _replace(root, partial)
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
    """Returns a SHA-256 over the names and contents of all files: equal digests mean equal repositories.

    Left out is what a running server writes there: Python's compiled modules.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file() and path.parent.name != "__pycache__"):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _replace(root: Path, partial: Path) -> None:
    """Puts `partial` in the place of `root`, unless they are equal. One process at a time does so.

    Raises:
        OSError: It can't be done.
    """
    aside = root.with_name(f"{partial.name}.before")
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.is_dir() and digest_of(root) == digest_of(partial):
            shutil.rmtree(partial)
            return
        if root.exists():  # not removed in place: a server that still reads it may write there meanwhile
            root.rename(aside)
        partial.rename(root)
    shutil.rmtree(aside, ignore_errors=True)


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
