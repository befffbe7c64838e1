"""How near the evaluation's own sentences are to training text: shared words over all words, at the nearest pair."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

_TOKEN: Final = re.compile(r"[^\W_]+")
_NEAR: Final = 0.8
_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class NearnessResult:
    """One set against everything that was trained on."""

    texts: str
    """Name of the set."""
    count: int
    """How many texts."""
    training_texts: int
    """How many they were compared with."""
    highest: float
    """Largest Jaccard similarity of the words of a text and of a training text; 1 is the same words."""
    mean: float
    """Mean of each text's largest."""
    near: int
    """Texts with one of 0.8 or more."""
    nearest: tuple[str, str]
    """The pair with the largest."""


def nearness_results(sets: Mapping[str, Sequence[str]], training: Sequence[str]) -> tuple[NearnessResult, ...]:
    """Returns, for each named set, how near its texts come to any training text."""
    vocabulary: dict[str, int] = {}
    known = _rows(training, vocabulary)
    sizes = np.asarray(known.sum(axis=1)).ravel()
    found = []
    for name, texts in sets.items():
        best, where = _best(_rows(texts, dict(vocabulary)), known, sizes)
        top = int(best.argmax())
        found.append(
            NearnessResult(
                texts=name,
                count=len(texts),
                training_texts=len(training),
                highest=round(float(best[top]), 4),
                mean=round(float(best.mean()), 4),
                near=int((best >= _NEAR).sum()),
                nearest=(texts[top], training[where[top]]),
            )
        )
    return tuple(found)


def _best(own: csr_matrix, known: csr_matrix, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each own row's largest similarity to a known row, and which row that is."""
    best, where = np.zeros(own.shape[0]), np.zeros(own.shape[0], dtype=int)
    counts = np.asarray(own.sum(axis=1)).ravel()
    shared_columns = own[:, : known.shape[1]]
    for first in range(0, own.shape[0], _ROWS):
        part = slice(first, first + _ROWS)
        shared = (shared_columns[part] @ known.T).toarray()
        similarity = shared / np.maximum(1, counts[part][:, None] + sizes[None, :] - shared)
        best[part], where[part] = similarity.max(axis=1), similarity.argmax(axis=1)
    return best, where


def _rows(texts: Sequence[str], vocabulary: dict[str, int]) -> csr_matrix:
    """One row of zeros and ones a text; words that are new get a column of their own."""
    places, ends = [], [0]
    for text in texts:
        places += sorted({vocabulary.setdefault(word, len(vocabulary)) for word in _TOKEN.findall(text.lower())})
        ends.append(len(places))
    shape = (len(texts), len(vocabulary))
    return csr_matrix((np.ones(len(places), dtype=np.int32), places, ends), shape=shape)
