"""Builds a detector's ONNX file for a precision, once: it is cached under the digest of all that it is made from."""

import hashlib
import json
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

import onnx

from tidegate.models.catalogue import CatalogueError, DetectorSpec, Tokens
from tidegate.models.export.golden import answers, check_parity, golden_of
from tidegate.models.export.graph import detector_graph
from tidegate.models.export.ngram_graph import ngram_graph
from tidegate.models.export.packaged_graph import packaged_graph
from tidegate.models.export.quantisation import quantised
from tidegate.models.packaged import sha256_of
from tidegate.models.serving_profile import Precision

_RECIPE: Final = "2"
"""Changes whenever the graph that is built from equal inputs changes."""
_PACKAGED_RECIPE: Final = "1"
"""The same for graphs of packaged weights."""
_LARGEST: Final = {Precision.FP32: 0.02, Precision.INT8: 1.5}
_MEAN: Final = {Precision.FP32: 0.005, Precision.INT8: 0.25}
"""Allowed differences in logits from the trained network."""


def build(spec: DetectorSpec, precision: Precision, *, cache: Path, report: Callable[[str], None]) -> Path:
    """Returns the ONNX file, building it if it is not in the cache.

    Args:
        spec: detector version.
        precision: of the graph.
        cache: folder of built graphs.
        report: receives progress lines.

    Raises:
        CatalogueError: the committed weights are not the catalogue's.
        EncoderUnavailableError, PackagedFileError: the package of the encoder or the weights is missing or another.
        ParityError: the built graph does not answer as the trained network did.
    """
    if spec.packages:
        return _packaged(spec, cache=cache, report=report)
    if sha256_of(spec.weights_path()) != spec.weights_sha256:
        raise CatalogueError(f"the weights of {spec.name} {spec.version} have another digest than the catalogue says")
    target = cache / spec.name / spec.version / f"{precision}-{_key(spec, precision)}" / "model.onnx"
    if target.is_file():
        report(f"{spec.name} {spec.version} {precision}: built before")
        return target
    report(f"{spec.name} {spec.version} {precision}: building")
    model = _trained(spec, precision)
    golden = golden_of(spec)
    check_parity(answers(model, golden.ids), golden, largest=_LARGEST[precision], mean=_MEAN[precision])
    _save(model, target)
    report(f"{spec.name} {spec.version} {precision}: {target.stat().st_size / 1e6:.0f} MB, answers as trained")
    return target


def _trained(spec: DetectorSpec, precision: Precision) -> onnx.ModelProto:
    """The graph of weights that were trained here. N-grams are additions: int8 would save nothing."""
    if spec.text_input().tokens is Tokens.NGRAMS:
        return ngram_graph(spec)
    spec.encoder_origin().verify()
    model = detector_graph(spec)
    return quantised(model, activation_ranges(spec)) if precision is Precision.INT8 else model


def _packaged(spec: DetectorSpec, *, cache: Path, report: Callable[[str], None]) -> Path:
    """The graph of packaged weights. It keeps their precision: int8 would be another detector, calibrated anew."""
    key = hashlib.sha256("|".join([_PACKAGED_RECIPE, spec.weights_sha256, version("onnx")]).encode()).hexdigest()[:12]
    target = cache / spec.name / spec.version / f"packaged-{key}" / "model.onnx"
    if target.is_file():
        report(f"{spec.name} {spec.version}: built before")
        return target
    report(f"{spec.name} {spec.version}: building")
    _save(packaged_graph(spec), target)
    report(f"{spec.name} {spec.version}: {target.stat().st_size / 1e6:.0f} MB, answers as the packaged graph")
    return target


def _save(model: onnx.ModelProto, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    onnx.save(model, str(partial))
    partial.replace(target)


def activation_ranges(spec: DetectorSpec) -> dict[str, tuple[float, float]]:
    """Returns the ranges recorded at training time."""
    document = json.loads((spec.folder() / "activation_ranges.json").read_text(encoding="utf-8"))
    return {name: (float(low), float(high)) for name, (low, high) in document["ranges"].items()}


def _key(spec: DetectorSpec, precision: Precision) -> str:
    parts = [_RECIPE, precision, spec.weights_sha256, version("onnx"), version("onnxruntime")]
    parts += [spec.encoder.weights_sha256] if spec.encoder is not None else []
    made_from = [spec.folder() / name for name in ("activation_ranges.json", "golden.json")]
    parts += [sha256_of(path) for path in made_from if path.is_file()]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]
