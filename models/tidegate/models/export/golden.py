"""Golden logits: what the trained network answered for a few mild sentences, kept with the weights.

Every build of a graph is held to them, so that a graph that drifted from the trained network is never served.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from tidegate.models.catalogue import DetectorSpec

Logits = npt.NDArray[np.float32]


class ParityError(RuntimeError):
    """A built graph does not answer as the trained network did."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Token ids of each sentence and the trained network's logits for it, [sentences, labels]."""

    ids: tuple[tuple[int, ...], ...]
    logits: Logits


def golden_of(spec: DetectorSpec) -> Golden:
    """Returns the golden logits of a detector version."""
    return read_golden(spec.folder() / "golden.json")


def read_golden(path: Path) -> Golden:
    """Reads a golden file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    ids = tuple(tuple(one["input_ids"]) for one in document["sentences"])
    return Golden(ids, np.array([one["logits"] for one in document["sentences"]], dtype=np.float32))


def answers(model: onnx.ModelProto, ids: tuple[tuple[int, ...], ...]) -> Logits:
    """Returns the model's logits for each sentence, run one by one. [sentences, labels]."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rows = []
    for one in ids:
        tokens = np.array([one], dtype=np.int64)
        rows.append(session.run(["logits"], {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})[0])
    return np.concatenate(rows)


def check_parity(logits: Logits, golden: Golden, *, largest: float, mean: float) -> None:
    """Raises ParityError if the logits differ from the golden ones by more than allowed."""
    if logits.shape != golden.logits.shape or not np.isfinite(logits).all():
        raise ParityError(f"logits of shape {logits.shape}, or not finite")
    difference = np.abs(logits - golden.logits)
    if difference.max() > largest or difference.mean() > mean:
        raise ParityError(
            f"logits differ from the trained ones by up to {difference.max():.3f}, {difference.mean():.3f} on average; "
            f"allowed are {largest} and {mean}"
        )
