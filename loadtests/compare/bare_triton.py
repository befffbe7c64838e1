"""What Triton alone can do: several saturating clients at once, and the size of batch at which it does most."""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtests.compare.bare_load import BarePlan
from loadtests.compare.generator import Generator

CLIENTS = 2
"""Processes; each has its calls encoded, so even one could saturate a model on one thread."""
IN_FLIGHT = 4
"""Calls under way in each: the server always has the next."""
_BEGIN_IN_S = 0.1


@dataclass(frozen=True, slots=True)
class BareSample:
    """One measurement of Triton alone."""

    detector: str
    """Whose model."""
    rows: int
    """Texts put together."""
    repeat: int
    """Counting from 1."""
    texts_per_s: float
    """All clients together."""


class BareTriton:
    """The clients."""

    def __init__(self, address: str, *, checkout: Path, accounts: int) -> None:
        """Starts them. `accounts` as in `corpus.items`."""
        self._address, self._accounts = address, accounts
        self._closing = ExitStack()
        self._clients = [
            self._closing.enter_context(Generator("loadtests.compare.bare_load", checkout=checkout))
            for _ in range(CLIENTS)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    def measured(self, detector: str, *, rows: int, repeat: int, seconds: float) -> BareSample:
        """Texts per second for one size of batch."""
        plans = [
            BarePlan(self._address, detector, rows, IN_FLIGHT, seconds, seed, self._accounts)
            for seed in range(1, CLIENTS + 1)
        ]
        for client, plan in zip(self._clients, plans, strict=True):
            client.prepare(plan.to_json())
        begin = time.monotonic() + _BEGIN_IN_S
        for client in self._clients:
            client.begin(begin)
        texts = sum(int(json.loads(client.result())["texts"]) for client in self._clients)
        return BareSample(detector, rows, repeat, round(texts / seconds, 1))


def best_rows(samples: Sequence[BareSample], detector: str) -> int:
    """The size of batch at which most texts were answered."""
    return max((each for each in samples if each.detector == detector), key=lambda each: each.texts_per_s).rows
