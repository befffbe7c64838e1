"""Where pieces of text lie in an image, and the order in which one reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
    """Pixels from the left edge of the image to the middle of the piece's left side."""
    middle: float
    """Pixels from the top edge to the middle of the piece."""
    height: float
    """Pixels of the letters' line, measured across it."""


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
