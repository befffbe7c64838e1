"""The port to a model that hears words, as the speech detector needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.detectors.speech.loudness import Samples


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words that the model believes to hear, and how it came to them."""

    start_ms: int
    """From the start of the piece."""
    end_ms: int
    """After the start."""
    text: str
    """Not blank."""
    log_probability: float
    """Mean of its tokens, 0 or below."""
    compression: float
    """Length of the text over its length when compressed: high where a model repeats itself in a loop."""


class Recogniser(Protocol):
    """Hears English."""

    def recognise(self, audio: Samples) -> Sequence[Utterance]:
        """Returns what is said in a piece of at most 30 s [samples], in time order; the same piece, the same answer.

        Blocks; runs in the threads that hear clips.
        """
        ...
