"""Scores texts exactly as the service does, without a server.

The detector stage's own tokenizer, windows, buckets, calibration and severity, around the built graph. Evaluation
stands above the services that it measures, which is why this module may import them (the layers in `pyproject.toml`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from tidegate.detectors.bucketing import buckets, call_costs_tokens
from tidegate.detectors.scoring import scores_of
from tidegate.detectors.tokenisation import tokenizer_of
from tidegate.models.catalogue import DetectorSpec
from tidegate.models.evaluation.measures import Probabilities
from tidegate.models.export.build import build
from tidegate.models.serving_profile import Precision
from tidegate.moderation.detection import DetectorScores

Progress = Callable[[int], None]

_CHUNK: Final = 256
"""Texts between two signs of progress."""
_MAX_ROWS: Final = 32


def session(graph: Path, *, threads: int) -> ort.InferenceSession:
    """Returns a quiet session on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


class ServedDetector:
    """One text detector on Triton's graph, as the CPU profile serves it unless another precision is asked for."""

    def __init__(
        self,
        spec: DetectorSpec,
        *,
        cache: Path,
        precision: Precision = Precision.INT8,
        threads: int = 1,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Builds the graph if it is not in the cache.

        Args:
            spec: a detector of text whose input is token ids.
            cache: folder of built graphs.
            precision: of the graph.
            threads: of the runtime.
            report: receives progress lines of the build.

        Raises:
            CatalogueError, EncoderUnavailableError, ParityError: as `export.build.build`.
            TokenisationError: the tokenizer does not fit.
        """
        self.spec = spec
        self.graph = build(spec, precision, cache=cache, report=report)
        self._tokenizer = tokenizer_of(spec)
        self._session = session(self.graph, threads=threads)

    def scores(self, texts: Sequence[str], *, progress: Progress = lambda _: None) -> list[DetectorScores]:
        """Returns what the service would answer for each text, in order.

        Args:
            texts: not blank.
            progress: receives the number of texts done since its last call.
        """
        found: list[DetectorScores] = []
        for first in range(0, len(texts), _CHUNK):
            chunk = texts[first : first + _CHUNK]
            found += self._scored(chunk)
            progress(len(chunk))
        return found

    def probabilities(self, texts: Sequence[str], *, progress: Progress = lambda _: None) -> Probabilities:
        """Returns calibrated probabilities, [texts, labels]."""
        found = [[one.scores[label] for label in self.spec.labels] for one in self.scores(texts, progress=progress)]
        return np.array(found, dtype=np.float64).reshape(len(texts), len(self.spec.labels))

    def _scored(self, texts: Sequence[str]) -> list[DetectorScores]:
        windows = self._tokenizer.windows(texts)
        flat = [window for of_text in windows for window in of_text]
        logits = np.empty((len(flat), len(self.spec.labels)), dtype=np.float32)
        for bucket in buckets(flat, max_rows=_MAX_ROWS, call_costs_tokens=call_costs_tokens(self.spec)):
            feed = {"input_ids": bucket.ids, "attention_mask": bucket.mask}
            logits[list(bucket.rows)] = self._session.run(["logits"], feed)[0]
        answers, first = [], 0
        for of_text in windows:
            answers.append(scores_of(self.spec, logits[first : first + len(of_text)]))
            first += len(of_text)
        return answers
