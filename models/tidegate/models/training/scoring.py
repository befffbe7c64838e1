"""Scores texts with a built ONNX graph, as served: one thread pool, batches of similar length."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from tidegate.models.training.batches import in_length_order

Logits = npt.NDArray[np.float32]


class Scorer:
    """Runs one graph over many texts."""

    def __init__(self, model: onnx.ModelProto, *, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def logits(self, ids: Sequence[list[int]], *, size: int = 32) -> Logits:
        """Returns [texts, labels] in the order given."""
        rows: list[Logits | None] = [None] * len(ids)
        for group in in_length_order(ids, size=size):
            longest = len(ids[group[0]])
            tokens = np.zeros((len(group), longest), dtype=np.int64)
            mask = np.zeros_like(tokens)
            for row, index in enumerate(group):
                tokens[row, : len(ids[index])] = ids[index]
                mask[row, : len(ids[index])] = 1
            result = self._session.run(["logits"], {"input_ids": tokens, "attention_mask": mask})[0]
            for row, index in enumerate(group):
                rows[index] = result[row]
        return np.stack([row for row in rows if row is not None])
