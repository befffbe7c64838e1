"""The port to a model server, as the Triton adapter's two halves share it: tensors out, checked logits back."""

from dataclasses import dataclass
from typing import Protocol

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
