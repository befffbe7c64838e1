"""Graphs that packages carry, brought to the form that all our models have: our names, and one logit per label.

A packaged classifier of two classes ends in a softmax. Served as it is, a score near one has no digits left for
calibration, and its contract would differ from every other detector's. Since softmax([a, b])[1] = sigmoid(b - a), the
last layer's columns are subtracted and the softmax left out; `check_same_answers` holds the result to the original.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from tidegate.models.catalogue import CatalogueError, DetectorSpec
from tidegate.models.export.golden import ParityError

_FIRST, _SECOND = 0, 1
_LARGEST: Final = 1e-3
"""Allowed difference of a logit; 2e-6 was seen."""
_SATURATED: Final = 1e-4
"""Closer to 0 or 1 than this, the original's probability has too few digits to compare logits."""


def packaged_graph(spec: DetectorSpec) -> onnx.ModelProto:
    """Returns the model of a detector whose weights a package carries: its input and output as the catalogue has them.

    Raises:
        PackagedFileError: The package is not installed or its file is another.
        CatalogueError: The packaged graph is not a classifier of two classes that ends in a softmax.
        ParityError: The result does not answer as the packaged graph does.
    """
    spec.packages[0].verify()
    original = onnx.load(str(spec.packages[0].path()))
    made = onnx.ModelProto()
    made.CopyFrom(original)
    _subtract_classes(made.graph, output=spec.output_tensor().name)
    _rename_input(made.graph, spec.inputs[0].name)
    onnx.checker.check_model(made)
    check_same_answers(made, original, spec)
    return made


def check_same_answers(made: onnx.ModelProto, original: onnx.ModelProto, spec: DetectorSpec) -> None:
    """Raises ParityError if the logits are not those of the original's probabilities, on inputs of many strengths."""
    random = np.random.default_rng(7)
    dims = spec.inputs[0].dims
    rows = np.stack([random.normal(0, 3.0**strength, dims) for strength in range(8)]).astype(np.float32)
    logits, probabilities = _answers(made, rows)[:, 0], _answers(original, rows)[:, _SECOND].astype(np.float64)
    clear = (probabilities > _SATURATED) & (probabilities < 1 - _SATURATED)
    expected = np.log(probabilities[clear] / (1 - probabilities[clear]))
    if not clear.any() or not np.isfinite(logits).all() or np.abs(logits[clear] - expected).max() > _LARGEST:
        raise ParityError(f"{spec.name} {spec.version} does not answer as the packaged graph does")


def _subtract_classes(graph: Any, *, output: str) -> None:
    """Replaces `softmax(x W + b)` by `x (W[:, 1] - W[:, 0]) + (b[1] - b[0])`."""
    constants = {one.name: one for one in graph.initializer}
    tail = [graph.node[index] for index in (-3, -2, -1)]
    if [node.op_type for node in tail] != ["MatMul", "Add", "Softmax"]:
        raise CatalogueError("the packaged graph does not end in MatMul, Add, Softmax")
    for node in tail[:2]:
        constant = constants[node.input[1]]
        values = numpy_helper.to_array(constant)
        difference = values[..., _SECOND : _SECOND + 1] - values[..., _FIRST : _FIRST + 1]
        constant.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(difference), constant.name))
    tail[1].output[0] = output
    graph.node.remove(tail[2])
    batch = graph.output[0].type.tensor_type.shape.dim[0].dim_param
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, [batch, 1]))


def _rename_input(graph: Any, name: str) -> None:
    former = graph.input[0].name
    graph.input[0].name = name
    for node in graph.node:
        for place, value in enumerate(node.input):
            if value == former:
                node.input[place] = name


def _answers(model: onnx.ModelProto, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    answers: npt.NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: rows})[0]
    return answers
