"""Functional checks of `hate`: what a sentence means, by class of sentence, at a probability of one half."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidegate.models.evaluation.measures import Probabilities
from tidegate.models.evaluation.sets import FunctionalClass, functional_classes
from tidegate.models.training.examples import LABELS

Score = Callable[[Sequence[str]], Probabilities]

THRESHOLD: Final = 0.5
_HATE: Final = LABELS.index("hate")


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One class of sentences."""

    name: str
    """The form, in words."""
    hate: bool
    """Whether its sentences are hate."""
    texts: int
    """How many."""
    right: int
    """How many fell on the right side of one half."""


@dataclass(frozen=True, slots=True)
class FunctionalResult:
    """All classes together."""

    accuracy: float
    """Share of sentences on the right side."""
    macro_f1: float
    """Mean of the F1 of hate and the F1 of not hate."""
    worst_class: str
    """The class with the smallest share right."""
    worst_share: float
    """That share."""
    classes: tuple[ClassResult, ...]
    """In the order of the file."""


def functional_result(score: Score) -> FunctionalResult:
    """Scores every sentence and returns how the classes came out."""
    classes = functional_classes()
    probability = score([text for one in classes for text in one.texts])[:, _HATE]
    said = probability >= THRESHOLD
    expected = np.array([one.hate for one in classes for _ in one.texts])
    results = tuple(_by_class(classes, said == expected))
    worst = min(results, key=lambda one: one.right / one.texts)
    return FunctionalResult(
        accuracy=round(float((said == expected).mean()), 4),
        macro_f1=round((_f1(said, expected) + _f1(~said, ~expected)) / 2, 4),
        worst_class=worst.name,
        worst_share=round(worst.right / worst.texts, 4),
        classes=results,
    )


def _by_class(classes: Sequence[FunctionalClass], right: np.ndarray) -> list[ClassResult]:
    results, first = [], 0
    for one in classes:
        count = int(right[first : first + len(one.texts)].sum())
        results.append(ClassResult(one.name, one.hate, len(one.texts), count))
        first += len(one.texts)
    return results


def _f1(said: np.ndarray, expected: np.ndarray) -> float:
    hits = int((said & expected).sum())
    return 2 * hits / max(1, int(said.sum()) + int(expected.sum()))
