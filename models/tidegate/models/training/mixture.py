"""The training mixture: all sources read, normalised, deduplicated across sources and splits, and split.

A text that is in a test set anywhere is not trained on anywhere, whichever source repeats it: SBIC, for one, contains
Davidson's tweets. Random validation is for calibration only; quality is read off the held-out sources.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from tidegate.models.normalisation import normalise
from tidegate.models.training.examples import UNKNOWN, Example, Split
from tidegate.models.training.lexicon import profane_words
from tidegate.models.training.sources.catalogue import SOURCES
from tidegate.models.training.templates import templated
from tidegate.models.training.written import written

_VALIDATION_PERCENT: Final = 5
_NOT_WORDS: Final = re.compile(r"[\W_]+")


def mixture(data: Path, *, seed: int) -> list[Example]:
    """Returns every example once, test examples first.

    Args:
        data: the folder that holds one folder per source.
        seed: of the generated examples.
    """
    profane = profane_words(data)
    examples = [example for source in SOURCES for example in source.read(data, profane)]
    return deduplicated([*examples, *templated(seed), *written(data, profane, seed=seed)])


def deduplicated(examples: Iterable[Example]) -> list[Example]:
    """Returns the examples with texts normalised and repeats merged; a test text wins over its repeats in training.

    Repeats within one split complete each other's targets; where they contradict, the target becomes UNKNOWN.
    """
    kept: dict[str, Example] = {}
    for example in sorted(examples, key=lambda e: e.split is not Split.TEST):
        text = normalise(example.text)
        key = _NOT_WORDS.sub("", text.lower())
        if not key:
            continue
        earlier = kept.get(key)
        if earlier is None:
            split = example.split
            if split is Split.TRAIN and _bucket(key) < _VALIDATION_PERCENT:
                split = Split.VALIDATION
            kept[key] = replace(example, text=text, split=split)
        elif earlier.split is not Split.TEST and example.split is not Split.TEST:
            kept[key] = replace(earlier, targets=_merged(earlier.targets, example.targets))
    return list(kept.values())


def _bucket(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % 100


def _merged(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    def one(a: float, b: float) -> float:
        if UNKNOWN in {a, b}:
            return max(a, b)
        return a if a == b else UNKNOWN

    return tuple(one(a, b) for a, b in zip(first, second, strict=True))
