"""What a text costs: milliseconds by length, batch and precision on one thread, and bytes."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.evaluation.served import ServedDetector, session
from tidegate.models.export.build import build
from tidegate.models.serving_profile import Precision

LENGTHS: Final = (8, 16, 32, 64, 128)
"""Tokens of a text, special ones included."""
BATCHES: Final = (1, 8)


@dataclass(frozen=True, slots=True)
class Cost:
    """One graph at one length and batch."""

    precision: Precision
    """Arithmetic of the graph."""
    tokens: int
    """Of each text."""
    batch: int
    """Texts in a call."""
    ms_per_text: float
    """Median over calls of the thread's CPU time, divided by the call's texts: holds on a busy machine too."""
    wall_ms_per_text: float
    """The same by a clock on the wall."""
    samples_ms: tuple[float, ...]
    """Each call's CPU time divided by its texts."""


@dataclass(frozen=True, slots=True)
class Size:
    """One graph on disk."""

    precision: Precision
    """Arithmetic of the graph."""
    size_bytes: int
    """Of the ONNX file."""


def costs(
    spec: DetectorSpec, *, cache: Path, runs: int, progress: Callable[[int], None] = lambda _: None
) -> tuple[tuple[Cost, ...], tuple[Size, ...]]:
    """Times every precision, length and batch, interleaved so that a slow moment of the machine hits all alike.

    Args:
        spec: a text detector with a graph.
        cache: folder of built graphs.
        runs: calls of each.
        progress: receives one per round of calls.
    """
    graphs = {precision: build(spec, precision, cache=cache, report=lambda _: None) for precision in Precision}
    sessions = {precision: session(graph, threads=1) for precision, graph in graphs.items()}
    chance = np.random.default_rng(7)
    cells = [(precision, tokens, batch) for precision in Precision for tokens in LENGTHS for batch in BATCHES]
    feeds = {(tokens, batch): _feed(chance, tokens, batch) for tokens in LENGTHS for batch in BATCHES}
    taken: dict[tuple[Precision, int, int], list[tuple[float, float]]] = {cell: [] for cell in cells}
    for number in range(runs + 1):
        for cell in cells:
            precision, tokens, batch = cell
            cpu, wall = time.thread_time(), time.perf_counter()
            sessions[precision].run(["logits"], feeds[tokens, batch])
            spent = (time.thread_time() - cpu) * 1000.0 / batch, (time.perf_counter() - wall) * 1000.0 / batch
            if number:  # the first round warms up
                taken[cell].append(spent)
        progress(1)
    found = tuple(_cost(*cell, taken[cell]) for cell in cells)
    return found, tuple(Size(precision, graph.stat().st_size) for precision, graph in graphs.items())


def text_to_score_ms(detector: ServedDetector, texts: Sequence[str]) -> float:
    """Returns the median CPU time of a text alone, from characters to severities. The detector must use one thread."""
    detector.scores(texts[:1])
    taken = []
    for text in texts:
        began = time.thread_time()
        detector.scores([text])
        taken.append((time.thread_time() - began) * 1000.0)
    return round(statistics.median(taken), 4)


def _feed(chance: np.random.Generator, tokens: int, batch: int) -> dict[str, np.ndarray]:
    ids = chance.integers(1_000, 20_000, size=(batch, tokens), dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def _cost(precision: Precision, tokens: int, batch: int, samples: Sequence[tuple[float, float]]) -> Cost:
    cpu, wall = zip(*samples, strict=True)
    kept = tuple(round(one, 4) for one in cpu)
    cpu_ms, wall_ms = (round(statistics.median(times), 4) for times in (cpu, wall))
    return Cost(precision, tokens, batch, cpu_ms, wall_ms, kept)
