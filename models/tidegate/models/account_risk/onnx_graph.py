"""The network as an ONNX graph, for whoever wants to run it elsewhere: code in, logit out.

Serving itself runs on numpy (`scorer.py`): attributions reuse the first layer's sums, which a graph can't hand out. A
test holds the two, and the trained network, to each other.
"""

from typing import Final

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from tidegate.models.account_risk.network import Network

INPUT: Final = "code"
"""float32, [accounts, columns]: `channels.encoded`."""
OUTPUT: Final = "logit"
"""float32, [accounts, 1]; not yet calibrated."""
_OPSET: Final = 17
_IR_VERSION: Final = 9


def risk_graph(network: Network) -> ModelProto:
    """Returns the graph: per member three products, then the mean of the members' logits."""
    nodes, constants, ends = [], [], []
    last = len(network.weights) - 1
    for member in range(len(network.weights[0])):
        before = INPUT
        for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            name = f"{member}_{layer}"
            constants += [
                numpy_helper.from_array(weight[member].astype(np.float32), f"weight_{name}"),
                numpy_helper.from_array(bias[member, 0].astype(np.float32), f"bias_{name}"),
            ]
            nodes.append(helper.make_node("Gemm", [before, f"weight_{name}", f"bias_{name}"], [f"sum_{name}"]))
            before = f"sum_{name}"
            if layer < last:
                nodes.append(helper.make_node("Relu", [before], [f"unit_{name}"]))
                before = f"unit_{name}"
        ends.append(before)
    nodes.append(helper.make_node("Mean", ends, [OUTPUT]))
    columns = network.weights[0].shape[1]
    graph = helper.make_graph(
        nodes,
        "account_risk",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["accounts", columns])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["accounts", 1])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="tidegate"
    )
    checker.check_model(model)
    return model
