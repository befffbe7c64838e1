"""The port to a model server, as the Triton adapter's two halves share it: tensors out, checked logits back."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tidegate.detectors.bucketing import Bucket
from tidegate.models.catalogue import DetectorSpec


class InferenceError(Exception):
    """The server gave no usable answer. The message is for a log: a status or a shape, never content."""


class InferenceTimeoutError(InferenceError):
    """The server gave no answer within the budget."""


class ModelMismatchError(Exception):
    """The server serves another model than the catalogue says; nothing it answers may be used."""


@dataclass(frozen=True, slots=True)
class InferenceCall:
    """One call."""

    spec: DetectorSpec
    """Whose model to run."""
    bucket: Bucket
    """The rows."""
    timeout_s: float
    """What is left of the budget, as the call's gRPC deadline; queueing in the server counts."""
    traceparent: str | None
    """W3C header for the server's own spans; None where the trace is not recorded."""


@dataclass(frozen=True, slots=True)
class TensorCall:
    """One call with tensors of any kind."""

    spec: DetectorSpec
    """Whose model to run."""
    tensors: tuple[npt.NDArray[Any], ...]
    """One for each of the spec's inputs, in its order; rows first, as many in each."""
    timeout_s: float
    """See `InferenceCall.timeout_s`."""
    traceparent: str | None
    """See `InferenceCall.traceparent`."""


class TensorServer(Protocol):
    """Runs catalogue models on tensors as they are."""

    async def infer(self, call: TensorCall) -> npt.NDArray[np.float32]:
        """Returns the spec's output for each row, finite. Raises InferenceError, or InferenceTimeoutError."""
        ...

    async def verify(self, spec: DetectorSpec) -> None:
        """See `ModelServer.verify`."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...


class ModelServer(Protocol):
    """Runs catalogue models."""

    async def logits(self, call: InferenceCall) -> npt.NDArray[np.float32]:
        """Returns [rows, labels], finite. Raises InferenceError, or InferenceTimeoutError."""
        ...

    async def verify(self, spec: DetectorSpec) -> None:
        """Raises ModelMismatchError if the served model is not the catalogue's, InferenceError if nothing answers."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...
