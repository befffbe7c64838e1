"""Stand-ins for what the image adapter asks: a model server and the banks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tidegate.detectors.images.decoding import Pixels
from tidegate.detectors.inference import TensorCall
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.detection import BankMatch, DetectorScores, DetectorStatus

Logits = npt.NDArray[np.float32]


def low(call: TensorCall) -> Logits:
    """A very low logit for every row."""
    return np.full((len(call.tensors[0]), 1), -9.0, dtype=np.float32)


def redness(call: TensorCall) -> Logits:
    """A logit that grows with the mean of the red channel."""
    red: npt.NDArray[np.float32] = call.tensors[0][..., 2].mean(axis=(1, 2))
    return (red / 50)[:, None].astype(np.float32)


@dataclass
class ScriptedTensorServer:
    """Stands in for Triton."""

    script: Callable[[TensorCall], Logits] = low
    delay_s: float = 0.0
    refusal: Exception | None = None
    calls: list[TensorCall] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def infer(self, call: TensorCall) -> Logits:
        self.calls.append(call)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.delay_s)
        self.running -= 1
        return self.script(call)

    async def verify(self, spec: DetectorSpec) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def close(self) -> None:
        return


@dataclass
class KnownColours:
    """Banks that know one picture each by its mean colour."""

    known: dict[str, tuple[int, int, int]]
    refreshed: int = 0
    failure: Exception | None = None

    async def refresh_if_changed(self) -> None:
        self.refreshed += 1

    def answer(self, pixels: Pixels) -> DetectorScores:
        if self.failure is not None:
            raise self.failure
        mean = pixels.reshape(-1, 3).mean(axis=0)
        scores = {bank: float(np.abs(mean - colour).max() < 4) for bank, colour in self.known.items()}
        matches = tuple(BankMatch(bank, "entry", 0, allowed=False) for bank, score in scores.items() if score)
        return DetectorScores(
            "image_match",
            "1",
            DetectorStatus.OK,
            scores,
            {bank: 7 * int(score) for bank, score in scores.items()},
            "",
            matches,
        )
