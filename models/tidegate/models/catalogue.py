"""The catalogue of detectors: the single statement of what each detector is and what it answers.

The model repository, every `config.pbtxt`, the Triton adapter's checks, calibration and the model card are derived
from it. Services import this module, so it imports neither torch nor onnx.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tidegate.models.encoder import MINILM, EncoderOrigin
from tidegate.models.severity import severity

_FOLDER: Final = Path(__file__).resolve().parent
_ENCODERS: Final = {MINILM.package: MINILM}


class CatalogueError(ValueError):
    """The catalogue's data contradicts itself or its weights are missing."""


class TensorType(StrEnum):
    """Element types, by their KServe v2 names."""

    INT64 = "INT64"
    FP32 = "FP32"


class LatencyClass(StrEnum):
    """How long a batch may wait and run; the queue settings of a model follow from it."""

    INTERACTIVE = "interactive"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model."""

    name: str
    """As the server knows it."""
    dtype: TensorType
    """Element type."""
    dims: tuple[int, ...]
    """Shape without the batch dimension; -1 is any length."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling of one label: probability = 1 / (1 + exp(-(slope * logit + intercept))).

    Source: Platt 1999, "Probabilistic outputs for support vector machines". A positive slope keeps the order of scores.
    """

    slope: float
    """Above zero."""
    intercept: float
    """Any finite number."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope > 0):
            raise CatalogueError("a calibration needs a finite intercept and a positive slope")

    def probability(self, logit: float) -> float:
        """Returns the calibrated probability of a finite logit."""
        return 0.5 * (1.0 + math.tanh(0.5 * (self.slope * logit + self.intercept)))


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One detector version."""

    name: str
    """Also the name of the model in the repository."""
    version: str
    """Also the folder of the model's version: a whole number from 1."""
    task: str
    """What it looks for, in one sentence."""
    labels: tuple[str, ...]
    """In the order of the output's last dimension."""
    inputs: tuple[TensorSpec, ...]
    """What the model takes."""
    output: TensorSpec
    """Logits, one per label."""
    encoder: EncoderOrigin
    """What the weights are deltas to."""
    weights_sha256: str
    """Of `weights_path()`."""
    licence: str
    """Of the deltas and the head."""
    card: str
    """Model card, from the repository's root."""
    latency_class: LatencyClass
    """What its queue is set for."""
    max_tokens: int
    """Longest sequence in one row, special tokens included. Longer texts are read in windows."""
    window_overlap_tokens: int
    """Tokens that neighbouring windows share."""
    normalisation: str
    """Version of `normalisation.normalise` that it was trained with."""
    calibrations: Mapping[str, Calibration]
    """One per label."""

    def calibrate(self, label: str, logit: float) -> float:
        """Returns the calibrated probability of a label's finite logit. Raises KeyError for an unknown label."""
        return self.calibrations[label].probability(logit)

    def severity(self, probability: float) -> int:
        """Returns the severity band of a calibrated probability; the same scale for all detectors."""
        return severity(probability)

    def folder(self) -> Path:
        """Returns where the version's committed files are."""
        return _FOLDER / "weights" / self.name / self.version

    def weights_path(self) -> Path:
        """Returns the deltas' and the head's safetensors."""
        return self.folder() / "deltas.safetensors"


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, DetectorSpec]:
    """Returns the live version of each detector by name. Raises CatalogueError."""
    document = json.loads((_FOLDER / "catalogue.json").read_text(encoding="utf-8"))
    specs = [_spec(entry) for entry in document["detectors"]]
    return MappingProxyType({spec.name: spec for spec in specs})


def _spec(entry: Mapping[str, Any]) -> DetectorSpec:
    name, version = str(entry["name"]), str(entry["version"])
    labels = tuple(map(str, entry["labels"]))
    folder = _FOLDER / "weights" / name / version
    try:
        calibration = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{name} {version} has no calibration") from error
    calibrations = {
        label: Calibration(slope=float(one["slope"]), intercept=float(one["intercept"]))
        for label, one in calibration["labels"].items()
    }
    if set(calibrations) != set(labels):
        raise CatalogueError(f"{name} {version}: calibration is of other labels")
    return DetectorSpec(
        name=name,
        version=version,
        task=str(entry["task"]),
        labels=labels,
        inputs=tuple(_tensor(one) for one in entry["inputs"]),
        output=_tensor(entry["output"]),
        encoder=_ENCODERS[str(entry["encoder"])],
        weights_sha256=str(entry["weights_sha256"]),
        licence=str(entry["licence"]),
        card=str(entry["card"]),
        latency_class=LatencyClass(entry["latency_class"]),
        max_tokens=int(entry["max_tokens"]),
        window_overlap_tokens=int(entry["window_overlap_tokens"]),
        normalisation=str(entry["normalisation"]),
        calibrations=MappingProxyType(calibrations),
    )


def _tensor(entry: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(str(entry["name"]), TensorType(entry["dtype"]), tuple(map(int, entry["dims"])))
