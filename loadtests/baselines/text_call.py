"""One text through one detector: tokenized with the detector's own fast tokenizer, one call to Triton, calibrated."""

from collections.abc import Iterable, Sequence

import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient

from tidegate.detectors.language import FastTextLanguages
from tidegate.detectors.language_gate import UNDECIDED, WORDLESS
from tidegate.detectors.tokenisation import tokenizer_of
from tidegate.models.catalogue import DetectorSpec, catalogue
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.policy.engine import CompiledPolicy

LANGUAGE = "text_language"
"""The catalogue's entry with the language model."""
TIMEOUT_S = 30.0
"""Longest wait for Triton."""


class TextCaller:
    """Asks Triton about one text at a time."""

    def __init__(self, address: str, *, names: Sequence[str]) -> None:
        """Loads the tokenizers; connects at the first call, in the event loop that makes it.

        Args:
            address: Host and port of Triton's gRPC.
            names: The detectors.
        """
        self._address = address
        self._client: InferenceServerClient | None = None
        self._specs = {name: catalogue()[name] for name in names}
        self._tokenizers = {name: tokenizer_of(spec) for name, spec in self._specs.items()}
        self._languages = FastTextLanguages(catalogue()[LANGUAGE])

    async def run(self, name: str, text: str, *, part: str, hint: str) -> DetectorRun:
        """What a detector says about a part's text. Raises InferenceServerException if Triton does not answer."""
        spec = self._specs[name]
        language = self._languages.identify(text).code
        if language == UNDECIDED and hint:
            language = hint.partition("-")[0].lower()
        if language not in {UNDECIDED, WORDLESS} and spec.languages and language not in spec.languages:
            return DetectorRun(name, spec.version, DetectorStatus.UNSUPPORTED_LANGUAGE, part, language=language)
        scores = await self._scores(spec, text)
        severities = {label: spec.severity(score) for label, score in scores.items()}
        return DetectorRun(
            name, spec.version, DetectorStatus.OK, part, scores=scores, severities=severities, language=language
        )

    async def close(self) -> None:
        """Closes the channel."""
        if self._client is not None:
            await self._client.close()

    async def _scores(self, spec: DetectorSpec, text: str) -> dict[str, float]:
        windows = self._tokenizers[spec.name].windows([text])[0]
        shape = (len(windows), max(map(len, windows)))
        ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        inputs = []
        for tensor, values in zip(spec.inputs, (ids, mask), strict=True):
            given = InferInput(tensor.name, list(shape), tensor.dtype)
            given.set_data_from_numpy(values)
            inputs.append(given)
        output = spec.output_tensor().name
        if self._client is None:
            self._client = InferenceServerClient(self._address)
        answer = await self._client.infer(
            spec.name,
            inputs,
            model_version=spec.version,
            outputs=[InferRequestedOutput(output)],
            client_timeout=TIMEOUT_S,
        )
        highest = answer.as_numpy(output).max(axis=0)
        return {label: spec.calibrate(label, float(highest[at])) for at, label in enumerate(spec.labels)}


def text_detectors(policies: Iterable[CompiledPolicy]) -> tuple[str, ...]:
    """Names of the detectors that any of these policies reads."""
    return tuple(sorted(frozenset[str]().union(*(policy.detectors for policy in policies))))
