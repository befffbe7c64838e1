"""Where pieces of text lie in an image, and the order in which one reads them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Corners = npt.NDArray[np.float32]
"""Of a piece, clockwise from the upper left, [4, 2] pixels."""

_SAME_ROW: Final = 0.5
"""Pieces whose middles differ by less than this share of the lower one's height stand in one row."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that was found as one."""

    text: str
    """As read."""
    confidence: float
    """Mean probability of its characters, 0 to 1."""
    left: float
    """Along the lines of text: pixels to the middle of the piece's left side."""
    middle: float
    """Across the lines of text, downwards: pixels to the middle of the piece."""
    height: float
    """Pixels of the letters' line, measured across it."""


def height_of(corners: Corners) -> float:
    """Returns the mean length of the left and right sides."""
    return float(np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2


def level(boxes: Sequence[Corners]) -> list[Corners]:
    """Returns the corners turned so that the lines of text lie level: by the median tilt of pieces wider than high."""
    tilts = [_tilt(box) for box in boxes if _width(box) > height_of(box)]
    tilt = statistics.median(tilts) if tilts else 0.0
    turn = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]], dtype=np.float32)
    return [np.asarray(box @ turn, dtype=np.float32) for box in boxes]


def _width(corners: Corners) -> float:
    return float(np.linalg.norm(corners[1] - corners[0]))


def _tilt(corners: Corners) -> float:
    """Radians by which the upper side falls to the right."""
    right, down = (corners[1] - corners[0]).tolist()
    return math.atan2(down, right)


def rows(pieces: Sequence[Piece]) -> list[str]:
    """Returns the text of each row, from top to bottom, its pieces from left to right."""
    found: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: one.middle):
        last = found[-1][-1] if found else None
        if last and piece.middle - last.middle < _SAME_ROW * min(piece.height, last.height):
            found[-1].append(piece)
        else:
            found.append([piece])
    return [" ".join(one.text for one in sorted(row, key=lambda one: one.left)) for row in found]
