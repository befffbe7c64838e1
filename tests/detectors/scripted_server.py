"""A model server that answers what a test says, and remembers what it was asked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tidegate.detectors.inference import InferenceCall
from tidegate.models.catalogue import DetectorSpec

Logits = npt.NDArray[np.float32]


def silent(call: InferenceCall) -> Logits:
    """Very low logits for every row."""
    return np.full((len(call.bucket.rows), len(call.spec.labels)), -9.0, dtype=np.float32)


@dataclass
class ScriptedServer:
    """Stands in for Triton."""

    script: Callable[[InferenceCall], Logits] = silent
    delay_s: float = 0.0
    refusal: Exception | None = None
    calls: list[InferenceCall] = field(default_factory=list)

    async def logits(self, call: InferenceCall) -> Logits:
        self.calls.append(call)
        await asyncio.sleep(self.delay_s)
        return self.script(call)

    async def verify(self, spec: DetectorSpec) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def close(self) -> None:
        return
