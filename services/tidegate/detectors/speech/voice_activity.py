"""Where somebody speaks: the Silero model, run along one clip's audio a block at a time."""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from tidegate.detectors.speech.decoding import SAMPLE_RATE_HZ
from tidegate.detectors.speech.loudness import Samples

CHUNK: Final = 512
"""Samples that get one probability: 32 ms, as the model was trained."""
CHUNK_MS: Final = 1000 * CHUNK // SAMPLE_RATE_HZ
_CONTEXT: Final = 64
"""Samples of the chunk before that the model sees again."""
_STATE: Final = (1, 1, 128)


class VoiceActivityModel:
    """The weights. Shared by all clips: a run keeps its state outside."""

    def __init__(self, path: Path) -> None:
        """Loads it on one thread: a chunk is too little work to divide."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(self, rows: Samples, h: Samples, c: Samples) -> tuple[Samples, Samples, Samples]:
        """Returns a probability per row [rows, context + chunk] and the state after them."""
        probabilities, h, c = self._session.run(None, {"input": rows, "h": h, "c": c})
        return probabilities, h, c


class VoiceActivity:
    """One clip's run of the model."""

    def __init__(self, model: VoiceActivityModel) -> None:
        self._model = model
        self._h = np.zeros(_STATE, dtype=np.float32)
        self._c = np.zeros(_STATE, dtype=np.float32)
        self._before = np.zeros(_CONTEXT, dtype=np.float32)

    def probabilities(self, samples: Samples) -> Samples:
        """Returns the probability of speech of each chunk of the next samples, a whole number of chunks."""
        if not samples.size:
            return np.zeros(0, dtype=np.float32)
        chunks = samples.reshape(-1, CHUNK)
        contexts = np.vstack([self._before, chunks[:-1, -_CONTEXT:]])
        self._before = chunks[-1, -_CONTEXT:].copy()
        found, self._h, self._c = self._model.run(np.hstack([contexts, chunks]), self._h, self._c)
        return found.reshape(-1)
