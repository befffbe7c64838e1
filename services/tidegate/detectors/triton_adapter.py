"""Text detectors on Triton: the real adapter behind `TextDetectors`.

Stands in the gather step, beside the feature lookup. Per detector: normalise and tokenize, bucket by length, infer,
take the maximum over windows, calibrate. An outage is data.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from tidegate.detectors.attribution import explained
from tidegate.detectors.bucketing import Bucket, buckets, call_costs_tokens
from tidegate.detectors.inference import (
    InferenceCall,
    InferenceError,
    InferenceTimeoutError,
    ModelMismatchError,
    ModelServer,
)
from tidegate.detectors.port import TextRequest
from tidegate.detectors.scoring import outage_of, scores_of
from tidegate.detectors.server_call import called
from tidegate.detectors.tokenisation import tokenizer_of
from tidegate.detectors.triton_server import TritonModelServer
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.budget import Budget
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.recorder import Recorder

logger = logging.getLogger(__name__)

_MAX_ROWS: Final = 64
"""Rows of one call; the CPU profile's `max_batch_size`, which is the smaller."""
_BRIEF_CHARACTERS: Final = 20_000
"""A batch with less text than this is tokenized on the event loop: about 5 ms at most. More goes to a thread."""


_Key = tuple[str, str]
"""A detector's name and version."""


class TritonTextDetectors:
    """Scores texts in batches with the models of one Triton server."""

    def __init__(
        self,
        address: str,
        *,
        specs: Sequence[DetectorSpec],
        shadows: Sequence[DetectorSpec] = (),
        tracer: Recorder,
        server: ModelServer | None = None,
    ) -> None:
        """Wires the adapter; connects to nothing yet.

        Args:
            address: Host and port of Triton's gRPC.
            specs: The live detectors.
            shadows: Versions that are tried out.
            tracer: Of this process.
            server: In place of Triton, for tests.

        Raises:
            EncoderUnavailableError, TokenisationError: A detector's tokenizer is missing or does not fit.
        """
        self._server = server or TritonModelServer(address)
        self._specs = {_key(spec): spec for spec in (*specs, *shadows)}
        self._tokenizers = {key: tokenizer_of(spec) for key, spec in self._specs.items()}
        self._live = {spec.name: spec.version for spec in specs}
        self._tracer = tracer
        self._failure = ""

    async def verify(self) -> None:
        """Checks that the server serves exactly the catalogue's models, of the live versions.

        Raises:
            ModelMismatchError: It serves another model, version, tensor contract or other weights.
            InferenceError: It does not answer.
        """
        for key in self._live.items():
            await self._server.verify(self._specs[key])

    async def ready(self) -> bool:
        """See `TextDetectors`. A server with other models than the catalogue's is not ready, and the log says why."""
        try:
            await self.verify()
        except ModelMismatchError as error:
            logger.error("model server does not match the catalogue", extra={"difference": str(error)})  # noqa: TRY400 - no stack
            return False
        except InferenceError as error:
            logger.info("model server is not ready", extra={"error": str(error)})
            return False
        return True

    async def close(self) -> None:
        """See `TextDetectors`."""
        await self._server.close()

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """See `TextDetectors`. Equal texts in a batch are scored once.

        Waits as long as the request with the largest budget: a caller with less has given up by then, and one late
        caller must not spoil the batch for the others.
        """
        if not batch:
            return []
        budget = Budget.of_ms(max(request.budget_ms for request in batch))
        length = sum(len(request.text) for request in batch)
        with batch_span(
            self._tracer,
            SpanName.TEXT_SCORE,
            [request.trace for request in batch],
            attributes={Attribute.TEXT_LENGTH: length},
        ):
            texts: dict[_Key, dict[str, None]] = {}
            for request in batch:
                for key in self._asked(request):
                    texts.setdefault(key, {})[request.text] = None
            asked = [key for key in self._specs if key in texts]
            found = await asyncio.gather(*(self._run(self._specs[key], list(texts[key]), budget) for key in asked))
            by_detector = dict(zip(asked, found, strict=True))
            await self._explain([request for request in batch if request.explain], by_detector, budget)
        return [tuple(_answer(by_detector, key, request.text) for key in self._asked(request)) for request in batch]

    def _asked(self, request: TextRequest) -> list[_Key]:
        """The versions that a request asks for, live ones first; an empty version for what is not live."""
        return [*((name, self._live.get(name, "")) for name in request.detectors), *request.shadows]

    async def _explain(
        self, requests: Sequence[TextRequest], found: dict[_Key, dict[str, DetectorScores]], budget: Budget
    ) -> None:
        """Puts attributions into the live versions' answers to these requests, as far as the budget allows."""
        wanted = dict.fromkeys(
            (key, request.text)
            for request in requests
            for key in self._live.items()
            if request.text in found.get(key, {})
        )
        for key, text in wanted:
            score = partial(self._run, self._specs[key], budget=budget)
            found[key][text] = await explained(found[key][text], text, score)

    async def _run(self, spec: DetectorSpec, texts: Sequence[str], budget: Budget) -> dict[str, DetectorScores]:
        """One detector's answer for each text that it is asked for."""
        try:
            windows = await self._windows(spec, texts)
            logits = await self._infer(spec, [window for of_text in windows for window in of_text], budget)
        except InferenceTimeoutError:
            return dict.fromkeys(texts, outage_of(spec, DetectorStatus.TIMED_OUT))
        except InferenceError as error:
            self._note(str(error))
            return dict.fromkeys(texts, outage_of(spec, DetectorStatus.FAILED))
        self._note("")
        answers, first = {}, 0
        for text, of_text in zip(texts, windows, strict=True):
            answers[text] = scores_of(spec, logits[first : first + len(of_text)])
            first += len(of_text)
        return answers

    async def _windows(self, spec: DetectorSpec, texts: Sequence[str]) -> list[list[list[int]]]:
        tokenizer = self._tokenizers[_key(spec)]
        if sum(map(len, texts)) < _BRIEF_CHARACTERS:
            return tokenizer.windows(texts)
        return await asyncio.to_thread(tokenizer.windows, texts)

    async def _infer(
        self, spec: DetectorSpec, windows: Sequence[Sequence[int]], budget: Budget
    ) -> npt.NDArray[np.float32]:
        calls = buckets(windows, max_rows=_MAX_ROWS, call_costs_tokens=call_costs_tokens(spec))
        answers = await asyncio.gather(*(self._call(spec, bucket, budget) for bucket in calls), return_exceptions=True)
        logits = np.empty((len(windows), len(spec.labels)), dtype=np.float32)
        for bucket, answer in zip(calls, answers, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            logits[list(bucket.rows)] = answer
        return logits

    async def _call(self, spec: DetectorSpec, bucket: Bucket, budget: Budget) -> npt.NDArray[np.float32]:
        return await called(
            spec,
            rows=len(bucket.rows),
            budget=budget,
            tracer=self._tracer,
            call=lambda left_s, header: self._server.logits(InferenceCall(spec, bucket, left_s, header)),
        )

    def _note(self, failure: str) -> None:
        """Logs an outage when it begins, changes or ends, and not once per batch: that would be hundreds a second."""
        if failure == self._failure:
            return
        if failure:
            logger.warning("text inference fails", extra={"error": failure})
        else:
            logger.warning("text inference works again", extra={"error": self._failure})
        self._failure = failure


def _key(spec: DetectorSpec) -> _Key:
    return spec.name, spec.version


def _answer(found: dict[_Key, dict[str, DetectorScores]], key: _Key, text: str) -> DetectorScores:
    """The answer, or FAILED for a detector that is not in use: asked for what is unknown is an outage, not a score."""
    if key not in found:
        return DetectorScores(*key, status=DetectorStatus.FAILED)
    return found[key][text]
