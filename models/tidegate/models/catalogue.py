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
from tidegate.models.packaged import PackagedFile
from tidegate.models.severity import severity

_FOLDER: Final = Path(__file__).resolve().parent
_ENCODERS: Final = {MINILM.package: MINILM}


class CatalogueError(ValueError):
    """The catalogue's data contradicts itself or its weights are missing."""


class TensorType(StrEnum):
    """Element types, by their KServe v2 names."""

    INT64 = "INT64"
    FP32 = "FP32"


class Modality(StrEnum):
    """What kind of content a detector looks at."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    ACCOUNT = "account"  # signals of an account, no content: its score is a feature that no policy names as a detector


class Engine(StrEnum):
    """Where a detector runs."""

    TRITON = "triton"  # tensors to the model server
    PROCESS = "process"  # within the detector deployment: too cheap for a hop, or a library with its own runtime


class Tokens(StrEnum):
    """What a text becomes before it is tensors."""

    WORDPIECE = "wordpiece"  # the packaged encoder's tokenizer
    NGRAMS = "ngrams"  # hashed word and character n-grams


class LatencyClass(StrEnum):
    """What one content costs: orders detectors from cheap to dear, and sets a model's queue."""

    CHEAP = "cheap"  # below a millisecond
    INTERACTIVE = "interactive"  # milliseconds
    SLOW = "slow"  # hundreds of milliseconds and more


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
class TextInput:
    """How a text becomes rows of token ids."""

    tokens: Tokens
    """The tokenizer."""
    max_tokens: int
    """Longest sequence in one row, special tokens included. Longer texts are read in windows."""
    window_overlap_tokens: int
    """Tokens that neighbouring windows share."""
    normalisation: str
    """Version of `normalisation.normalise` that it was trained with."""


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One detector version."""

    name: str
    """Also the name of the model in the repository."""
    version: str
    """Also the folder of the model's version: a whole number from 1."""
    task: str
    """What it looks for, in one sentence."""
    modality: Modality
    """The content that it looks at."""
    engine: Engine
    """Where it runs."""
    labels: tuple[str, ...]
    """In the order of the output's last dimension. Empty for readers, whose finding is words for the text detectors."""
    open_labels: bool
    """True if labels are made at run time (the banks of `image_match`): each answer names all that there are."""
    inputs: tuple[TensorSpec, ...]
    """What the model takes; empty unless it runs on Triton."""
    output: TensorSpec | None
    """What it answers, one value per label or class; None unless it runs on Triton."""
    text: TextInput | None
    """How a text becomes its input; None for other modalities, and for detectors that read text as it is."""
    encoder: EncoderOrigin | None
    """What the weights are deltas to, if they are."""
    packages: tuple[PackagedFile, ...]
    """Weights that installed packages carry, if it uses any."""
    weights_sha256: str
    """Of `weights_path()` where weights are ours, else of the first packaged file."""
    licence: str
    """Of the weights."""
    card: str
    """Model card, from the repository's root."""
    latency_class: LatencyClass
    """What it costs."""
    languages: tuple[str, ...]
    """ISO 639-1 codes that it was trained for; empty where language does not matter to it."""
    calibrations: Mapping[str, Calibration]
    """One per label; empty where scores are certain or a rule's own."""

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
        """Returns the file of the committed weights."""
        return self.folder() / "deltas.safetensors"

    def text_input(self) -> TextInput:
        """Returns how a text becomes its input. Raises CatalogueError for a detector that takes no token ids."""
        if self.text is None:
            raise CatalogueError(f"{self.name} {self.version} takes no token ids")
        return self.text

    def encoder_origin(self) -> EncoderOrigin:
        """Returns the encoder that the weights are deltas to. Raises CatalogueError if there is none."""
        if self.encoder is None:
            raise CatalogueError(f"{self.name} {self.version} is not made from an encoder")
        return self.encoder

    def output_tensor(self) -> TensorSpec:
        """Returns the output. Raises CatalogueError for a detector that does not run on Triton."""
        if self.output is None:
            raise CatalogueError(f"{self.name} {self.version} does not run on Triton")
        return self.output


def specification(name: str, version: str) -> DetectorSpec:
    """Returns one version of a detector. Raises CatalogueError, naming what there is."""
    for one in all_versions():
        if (one.name, one.version) == (name, version):
            return one
    known = ", ".join(f"{one.name} {one.version}" for one in all_versions())
    raise CatalogueError(f"there is no {name} {version}; known: {known}")


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, DetectorSpec]:
    """Returns the version of each detector that is live by default, by name. Raises CatalogueError."""
    document = _document()
    live = {str(entry["name"]): str(entry["version"]) for entry in document["detectors"] if entry["live"]}
    return MappingProxyType({name: specification(name, version) for name, version in live.items()})


@lru_cache(maxsize=1)
def all_versions() -> tuple[DetectorSpec, ...]:
    """Returns every version of every detector. Raises CatalogueError."""
    return tuple(_spec(entry) for entry in _document()["detectors"])


def _document() -> Any:
    return json.loads((_FOLDER / "catalogue.json").read_text(encoding="utf-8"))


def _spec(entry: Mapping[str, Any]) -> DetectorSpec:
    name, version = str(entry["name"]), str(entry["version"])
    labels = tuple(map(str, entry["labels"]))
    packages = tuple(_packaged(one) for one in entry.get("packages", ()))
    text, output, encoder = entry.get("text"), entry.get("output"), entry.get("encoder")
    return DetectorSpec(
        name=name,
        version=version,
        task=str(entry["task"]),
        modality=Modality(entry["modality"]),
        engine=Engine(entry["engine"]),
        labels=labels,
        open_labels=bool(entry.get("open_labels", False)),
        inputs=tuple(_tensor(one) for one in entry.get("inputs", ())),
        output=_tensor(output) if output else None,
        text=TextInput(
            tokens=Tokens(text["tokens"]),
            max_tokens=int(text["max_tokens"]),
            window_overlap_tokens=int(text["window_overlap_tokens"]),
            normalisation=str(text["normalisation"]),
        )
        if text
        else None,
        encoder=_ENCODERS[str(encoder)] if encoder else None,
        packages=packages,
        weights_sha256=str(entry.get("weights_sha256") or (packages[0].sha256 if packages else "")),
        licence=str(entry["licence"]),
        card=str(entry["card"]),
        latency_class=LatencyClass(entry["latency_class"]),
        languages=tuple(map(str, entry.get("languages", ()))),
        calibrations=_calibrations(name, version, labels) if entry.get("calibrated", True) else MappingProxyType({}),
    )


def _calibrations(name: str, version: str, labels: tuple[str, ...]) -> Mapping[str, Calibration]:
    path = _FOLDER / "weights" / name / version / "calibration.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{name} {version} has no calibration") from error
    found = {
        label: Calibration(slope=float(one["slope"]), intercept=float(one["intercept"]))
        for label, one in document["labels"].items()
    }
    if set(found) != set(labels):
        raise CatalogueError(f"{name} {version}: calibration is of other labels")
    return MappingProxyType(found)


def _packaged(entry: Mapping[str, Any]) -> PackagedFile:
    return PackagedFile(
        package=str(entry["package"]),
        version=str(entry["version"]),
        file=str(entry["file"]),
        sha256=str(entry["sha256"]),
        licence=str(entry["licence"]),
    )


def _tensor(entry: Mapping[str, Any]) -> TensorSpec:
    return TensorSpec(str(entry["name"]), TensorType(entry["dtype"]), tuple(map(int, entry["dims"])))
