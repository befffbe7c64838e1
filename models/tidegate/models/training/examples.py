"""One labelled text, and the labels of `text_harm` with their definitions.

A source seldom judges all labels. What it did not judge is UNKNOWN, and the loss leaves it out.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LABELS: Final = ("hate", "harassment", "threat", "sexual", "self_harm", "profanity")
"""The detector's outputs, in the order of its `logits`."""

AUXILIARY: Final = ("toxic",)
"""Trained beside them to use sources that only say "toxic or not"; not exported."""

HEADS: Final = LABELS + AUXILIARY
UNKNOWN: Final = -1.0


class Split(StrEnum):
    """What an example is used for."""

    TRAIN = "train"
    VALIDATION = "validation"  # calibration, never weights
    TEST = "test"  # a source, or an upstream split, that training never sees


@dataclass(frozen=True, slots=True)
class Example:
    """One text with what its source says about it."""

    text: str
    targets: tuple[float, ...]
    """One per head: 0, 1, or UNKNOWN."""
    source: str
    split: Split


def targets(*, default: float = UNKNOWN, **known: float) -> tuple[float, ...]:
    """Returns a target per head: `default` except where named."""
    unexpected = set(known) - set(HEADS)
    if unexpected:
        raise ValueError(f"no such heads: {sorted(unexpected)}")
    return tuple(float(known.get(head, default)) for head in HEADS)


CLEAN: Final = targets(default=0.0)
"""Nothing of what we look for: ordinary comments, titles, descriptions."""
