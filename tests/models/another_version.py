"""A second version of `text_harm`, registered as any is: files in `weights/`, an entry in `catalogue.json`.

It is the committed network with another calibration: what a version is that was fitted to other traffic.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tidegate.models import catalogue as catalogue_module
from tidegate.models.catalogue import DetectorSpec, all_versions, catalogue, specification

_NAME = "text_harm"


@contextmanager
def another_version(folder: Path, *, milder_by: float) -> Iterator[DetectorSpec]:
    """A copy of the catalogue is in use that has one version more.

    Args:
        folder: Where the copy goes.
        milder_by: How much less the second version makes of each label, as a difference of logits.
    """
    committed = catalogue()[_NAME]
    version = str(int(committed.version) + 1)
    package = committed.folder().parents[2]
    shutil.copytree(package / "weights", folder / "weights", copy_function=_linked)
    shutil.copytree(committed.folder(), folder / "weights" / _NAME / version)
    _recalibrate(folder / "weights" / _NAME / version / "calibration.json", milder_by=milder_by)
    document = json.loads((package / "catalogue.json").read_text(encoding="utf-8"))
    entry = next(one for one in document["detectors"] if (one["name"], one["version"]) == (_NAME, committed.version))
    document["detectors"].append(entry | {"version": version, "live": False})
    (folder / "catalogue.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue_module, "_FOLDER", folder)
        _forget()
        try:
            yield specification(_NAME, version)
        finally:
            patch.undo()
            _forget()


def _linked(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def _recalibrate(path: Path, *, milder_by: float) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    for one in document["labels"].values():
        one["intercept"] -= milder_by
    path.write_text(json.dumps(document), encoding="utf-8")


def _forget() -> None:
    catalogue.cache_clear()
    all_versions.cache_clear()
