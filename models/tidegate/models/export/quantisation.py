"""Turns the float32 graph into int8: weights per channel, activations in ranges fixed at training time.

ONNX Runtime's dynamic quantisation takes each activation's range from the whole batch at hand, so a text's score
would depend on its neighbours and on padding: measured up to 0.25 in probability on 200 texts. The ranges are
therefore recorded once, over training texts, and become constants; the same text then scores the same in every batch
(measured difference 0), the cost against float32 is that of dynamic quantisation, and no range is computed at run time.
"""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

Range = tuple[float, float]
Feed = Mapping[str, npt.NDArray[np.int64]]

_DYNAMIC: Final = "DynamicQuantizeLinear"
_LEVELS: Final = 255


class QuantisationError(RuntimeError):
    """The ranges do not fit the graph."""


def quantised(model: onnx.ModelProto, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """Returns the int8 model. Raises QuantisationError if an activation has no range."""
    dynamic = _with_dynamic_ranges(model)
    nodes = [_fixed(node, ranges, dynamic.graph) if node.op_type == _DYNAMIC else node for node in dynamic.graph.node]
    del dynamic.graph.node[:]
    dynamic.graph.node.extend(nodes)
    return dynamic


def record_ranges(model: onnx.ModelProto, feeds: Iterable[Feed]) -> dict[str, Range]:
    """Returns the lowest and highest value of each quantised activation over the feeds.

    Args:
        model: the float32 model; it is not changed.
        feeds: inputs without padding, so that only real tokens count.
    """
    names = quantised_activations(model)
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = ort.InferenceSession(watched.SerializeToString(), _quiet(), providers=["CPUExecutionProvider"])
    found = dict.fromkeys(names, (0.0, 0.0))
    for feed in feeds:
        for name, value in zip(names, session.run(names, dict(feed)), strict=True):
            low, high = found[name]
            found[name] = (min(low, float(value.min())), max(high, float(value.max())))
    return found


def quantised_activations(model: onnx.ModelProto) -> list[str]:
    """Returns the activations that int8 arithmetic reads, in graph order."""
    return [node.input[0] for node in _with_dynamic_ranges(model).graph.node if node.op_type == _DYNAMIC]


def _with_dynamic_ranges(model: onnx.ModelProto) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, str(source))
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Attention", "Gather"],
            per_channel=True,
            reduce_range=False,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        return onnx.load(str(target))


def _fixed(node: onnx.NodeProto, ranges: Mapping[str, Range], graph: Any) -> onnx.NodeProto:
    """The node with its scale and zero point as constants. Source: ONNX, DynamicQuantizeLinear-11."""
    activation = node.input[0]
    if activation not in ranges:
        raise QuantisationError(f"no range was recorded for {activation}")
    low, high = min(0.0, ranges[activation][0]), max(0.0, ranges[activation][1])
    scale = np.float32(max(high - low, 1e-6) / _LEVELS)
    zero = np.uint8(np.clip(round(-low / float(scale)), 0, _LEVELS))
    quantised_name, scale_name, zero_name = node.output
    graph.initializer.append(numpy_helper.from_array(np.array(scale, dtype=np.float32), scale_name))
    graph.initializer.append(numpy_helper.from_array(np.array(zero, dtype=np.uint8), zero_name))
    return helper.make_node("QuantizeLinear", [activation, scale_name, zero_name], [quantised_name], name=node.name)


def _quiet() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return options
