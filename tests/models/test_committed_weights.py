"""Every weight in the tree can be made again: `make models` trains it, or a pinned package ships it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.models.running_triton import ROOT
from tidegate.models.catalogue import DetectorSpec, all_versions
from tidegate.models.packaged import sha256_of

WEIGHTS = ROOT / "models" / "tidegate" / "models" / "weights"
TRAINED = [spec for spec in all_versions() if spec.weights_path().is_file()]
_TRAINING = re.compile(r"tidegate\.models\.training (\w+) .*--out (\S+)")


def _folders() -> set[tuple[str, str]]:
    """Name and version of each folder that holds anything."""
    return {(path.parent.name, path.name) for path in WEIGHTS.glob("*/*") if path.is_dir() and any(path.iterdir())}


def _trained_by_make() -> set[tuple[str, str]]:
    """Name and version of what `make models` trains, asked of make itself."""
    asked = subprocess.run(
        ["make", "--dry-run", "models"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    found = set()
    for name, out in _TRAINING.findall(asked.stdout):
        path = Path(ROOT, out)
        assert (path.parent.parent, path.parent.name) == (WEIGHTS, name), out
        found.add((name, path.name))
    return found


def test_each_folder_of_weights_is_trained_by_make_models_or_shipped_by_a_package() -> None:
    packaged = {(spec.name, spec.version) for spec in all_versions() if spec.packages}
    trained = _trained_by_make()
    assert trained, "make models trains nothing"
    assert not trained & packaged
    assert _folders() <= trained | packaged


def test_make_models_trains_what_the_catalogue_says_is_ours_and_nothing_else() -> None:
    ours = {(spec.name, spec.version) for spec in all_versions() if spec.weights_sha256 and not spec.packages}
    assert _trained_by_make() == ours == {(spec.name, spec.version) for spec in TRAINED}


@pytest.mark.parametrize("spec", TRAINED, ids=lambda spec: f"{spec.name} {spec.version}")
def test_the_weights_are_those_that_the_catalogue_and_their_own_metrics_name(spec: DetectorSpec) -> None:
    metrics = json.loads((spec.folder() / "metrics.json").read_text(encoding="utf-8"))
    assert sha256_of(spec.weights_path()) == spec.weights_sha256 == metrics["weights_sha256"]
    assert f"training {spec.name} " in metrics["command"]


def test_what_packages_ship_is_pinned_to_one_version_with_a_digest() -> None:
    pins = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "requirements").glob("*.txt")))
    for spec in all_versions():
        assert not (spec.packages and spec.weights_path().exists()), spec.name
        needed = [(one.package, one.version) for one in spec.packages]
        needed += [(spec.encoder.package, spec.encoder.version)] if spec.encoder else []
        for package, version in needed:
            assert re.search(rf"^{re.escape(package)}=={re.escape(version)}\b", pins, flags=re.MULTILINE), package
