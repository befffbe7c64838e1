"""Groups windows of similar length, so that a batch with one long text does not pay its length for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tidegate.models.catalogue import DetectorSpec, Tokens

_CALL_COSTS_TOKENS: Final = {Tokens.WORDPIECE: 16, Tokens.NGRAMS: 100_000}
"""What one more inference call costs, in tokens computed in its place: about 1.5 ms against 0.1 ms a token of an
encoder on one CPU thread, and next to nothing for an n-gram, whose computation is one addition. `python -m pytest
tests/detectors -k bucketing` holds the padding to it."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One inference call: padded rows of similar length."""

    rows: tuple[int, ...]
    """Which windows, by their position in what was given."""
    ids: npt.NDArray[np.int64]
    """Token ids, [rows, tokens], zero where padded."""
    mask: npt.NDArray[np.int64]
    """One where there is a token, [rows, tokens]."""


def call_costs_tokens(spec: DetectorSpec) -> int:
    """Returns how much padding a detector's call may hold before another call is cheaper."""
    return _CALL_COSTS_TOKENS[spec.text_input().tokens]


def buckets(windows: Sequence[Sequence[int]], *, max_rows: int, call_costs_tokens: int) -> list[Bucket]:
    """Returns the calls that together hold every window once.

    A bucket ends when its padding would cost more than another call, or when it is full.

    Args:
        windows: Token ids of each, not empty.
        max_rows: Most rows of a call.
        call_costs_tokens: What one more call costs, in tokens.
    """
    order = sorted(range(len(windows)), key=lambda row: (-len(windows[row]), row))
    groups: list[list[int]] = []
    padding = 0
    for row in order:
        if groups:
            padding += len(windows[groups[-1][0]]) - len(windows[row])
        if not groups or padding > call_costs_tokens or len(groups[-1]) >= max_rows:
            groups.append([])
            padding = 0
        groups[-1].append(row)
    return [_padded(windows, group) for group in groups]


def _padded(windows: Sequence[Sequence[int]], rows: Sequence[int]) -> Bucket:
    shape = (len(rows), max(len(windows[row]) for row in rows))
    ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for index, row in enumerate(rows):
        length = len(windows[row])
        ids[index, :length] = windows[row]
        mask[index, :length] = 1
    return Bucket(tuple(rows), ids, mask)
