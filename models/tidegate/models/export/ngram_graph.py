"""Builds the ONNX graph of a linear model over hashed n-grams: a gather of weights and two masked sums.

logit = bias + sum(weights of words) / sqrt(count of words) + sum(weights of pieces) / sqrt(count of pieces).
Words are ids below `ngrams.FIRST_PIECE`, pieces are from there on. It takes and answers what an encoder's graph does,
so the same runner and the same client serve it.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.ngrams import FIRST_PIECE, NOTHING

_OPSET: Final = 17
_IR_VERSION: Final = 8

Array = npt.NDArray[np.float32]


def ngram_graph(spec: DetectorSpec) -> onnx.ModelProto:
    """Returns the float32 model of a detector version: `input_ids`, `attention_mask` [B, T] → `logits` [B, labels]."""
    weights, bias = load_weights(spec.weights_path())
    return build_ngram_graph(weights, bias, name=spec.name)


def load_weights(path: Path) -> tuple[Array, Array]:
    """Returns the stored weights [ids, labels] and bias [labels] as float32."""
    stored = load_file(path)
    return stored["weights"].astype(np.float32), stored["bias"].astype(np.float32)


def build_ngram_graph(weights: Array, bias: Array, *, name: str) -> onnx.ModelProto:
    """Returns the model.

    Args:
        weights: [ids, labels].
        bias: [labels].
        name: of the graph.
    """
    nodes = [
        _node("Gather", ["weights", "input_ids"], "gathered"),  # [B, T, labels]
        _node("Cast", ["attention_mask"], "unmasked", to=TensorProto.BOOL),
        _node("Greater", ["input_ids", "nothing"], "counted"),
        _node("And", ["unmasked", "counted"], "seen"),
        _node("Less", ["input_ids", "first_piece"], "below"),
        _node("And", ["seen", "below"], "words"),
        _node("Not", ["below"], "above"),
        _node("And", ["seen", "above"], "pieces"),
        *_mean_like("words"),
        *_mean_like("pieces"),
        _node("Sum", ["words_score", "pieces_score", "bias"], "logits"),
    ]
    constants: dict[str, npt.NDArray[Any]] = {
        "weights": weights.astype(np.float32),
        "bias": bias.astype(np.float32),
        "nothing": np.array(NOTHING, dtype=np.int64),
        "first_piece": np.array(FIRST_PIECE, dtype=np.int64),
        "along_tokens": np.array([1], dtype=np.int64),
        "last": np.array([-1], dtype=np.int64),
        "one": np.array(1.0, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        name,
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "tokens"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", int(bias.shape[0])])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model)
    return model


def _mean_like(group: str) -> list[onnx.NodeProto]:
    """Sum of the group's weights over the square root of how many there are; at least one, so that none gives zero."""
    return [
        _node("Cast", [group], f"{group}_mask", to=TensorProto.FLOAT),
        _node("Unsqueeze", [f"{group}_mask", "last"], f"{group}_column"),
        _node("Mul", ["gathered", f"{group}_column"], f"{group}_weights"),
        _node("ReduceSum", [f"{group}_weights", "along_tokens"], f"{group}_sum", keepdims=0),
        _node("ReduceSum", [f"{group}_mask", "along_tokens"], f"{group}_count", keepdims=1),
        _node("Max", [f"{group}_count", "one"], f"{group}_at_least_one"),
        _node("Sqrt", [f"{group}_at_least_one"], f"{group}_root"),
        _node("Div", [f"{group}_sum", f"{group}_root"], f"{group}_score"),
    ]


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], name=output, **attributes)
