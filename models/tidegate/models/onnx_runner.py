"""Triton's `model.py` of the CPU profile: runs any ONNX model of the catalogue with ONNX Runtime.

Copied into each model's version folder by `repository`. Runs inside Triton's Python stub, in Triton's own
environment, so it imports nothing of ours; what it needs to know comes as parameters of the model's config.
"""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]  # exists inside Triton's stub only

_LAST_NUMPY_MAJOR = 1


class TritonPythonModel:
    """One instance of one model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the model, or refuses to."""
        if int(np.__version__.split(".")[0]) > _LAST_NUMPY_MAJOR:
            # Seen with Triton 2.51 and numpy 2: as_numpy() gives empty arrays, without any error.
            raise pb_utils.TritonModelException("numpy >= 2 would hand this model empty tensors; install numpy < 2")
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        self._inputs = [one["name"] for one in config["input"]]
        self._outputs = [one["name"] for one in config["output"]]
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(parameters["intra_op_threads"])
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        path = Path(args["model_repository"]) / args["model_version"] / parameters["onnx_file"]
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        served = {one.name for one in self._session.get_inputs()}
        if served != set(self._inputs):
            raise pb_utils.TritonModelException(f"the graph takes {sorted(served)}, its config says {self._inputs}")

    def execute(self, requests: list[Any]) -> list[Any]:
        """Runs requests of equal row shape as one batch, and answers each."""
        feeds = [[pb_utils.get_input_tensor_by_name(one, name).as_numpy() for name in self._inputs] for one in requests]
        answers: list[Any] = [None] * len(requests)
        order = sorted(range(len(requests)), key=lambda i: feeds[i][0].shape[1:])
        for _, group in groupby(order, key=lambda i: feeds[i][0].shape[1:]):
            members = list(group)
            for index, answer in zip(members, self._run([feeds[i] for i in members]), strict=True):
                answers[index] = answer
        return answers

    def _run(self, feeds: list[list[Any]]) -> list[Any]:
        joined = [np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*feeds, strict=True)]
        try:
            results = self._session.run(self._outputs, dict(zip(self._inputs, joined, strict=True)))
        except Exception as error:  # noqa: BLE001 - the boundary to Triton: a request fails, the server goes on
            failure = pb_utils.TritonError(f"inference failed: {type(error).__name__}")
            return [pb_utils.InferenceResponse(error=failure) for _ in feeds]
        answers, first = [], 0
        for parts in feeds:
            last = first + len(parts[0])
            tensors = [
                pb_utils.Tensor(name, np.ascontiguousarray(result[first:last]))
                for name, result in zip(self._outputs, results, strict=True)
            ]
            answers.append(pb_utils.InferenceResponse(output_tensors=tensors))
            first = last
        return answers
