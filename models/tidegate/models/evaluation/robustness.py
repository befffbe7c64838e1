"""Robustness: how much recall a character evasion costs, with substitutions that training never showed."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.models.evaluation.measures import Probabilities
from tidegate.models.evaluation.quality import FIRES_AT
from tidegate.models.training.evasions import EVALUATION, Evasion, evade
from tidegate.models.training.examples import LABELS, Example

Score = Callable[[Sequence[str]], Probabilities]


@dataclass(frozen=True, slots=True)
class EvasionResult:
    """One label's positives under one evasion."""

    label: str
    """A label of the detector."""
    evasion: Evasion
    """How words were changed."""
    texts: int
    """Held-out positives."""
    recall_before: float
    """Share at severity 4 as written."""
    recall_after: float
    """Share at severity 4 with one to three words changed."""

    @property
    def drop(self) -> float:
        """Recall before less recall after."""
        return self.recall_before - self.recall_after


def robustness_results(
    score: Score, examples: Sequence[Example], *, seed: int, per_label: int
) -> tuple[EvasionResult, ...]:
    """Returns every label under every evasion.

    Args:
        score: of the detector.
        examples: held-out examples, those of our own corpus included: the comparison is of a text with itself.
        seed: of the draw and of the evasions.
        per_label: most positives of a label.
    """
    chance = random.Random(seed)  # noqa: S311 - not a secret
    positives = {}
    for column, label in enumerate(LABELS):
        texts = [one.text for one in examples if one.targets[column] == 1.0]
        positives[label] = chance.sample(texts, min(len(texts), per_label))
    texts = [text for label in LABELS for text in positives[label]]
    before = _recall(score(texts), positives)
    found = []
    for evasion in Evasion:
        changed = [evade(text, evasion, random.Random(f"{seed}|{evasion}|{text}"), EVALUATION) for text in texts]  # noqa: S311
        after = _recall(score(changed), positives)
        found += [
            EvasionResult(label, evasion, len(positives[label]), before[label], after[label])
            for label in LABELS
            if positives[label]
        ]
    return tuple(found)


def mean_drop(results: Sequence[EvasionResult]) -> float:
    """Returns the mean drop, every text counting once: labels with more positives weigh more."""
    return float(np.average([one.drop for one in results], weights=[one.texts for one in results]))


def _recall(scores: Probabilities, positives: dict[str, list[str]]) -> dict[str, float]:
    recall, first = {}, 0
    for column, label in enumerate(LABELS):
        rows = scores[first : first + len(positives[label]), column]
        recall[label] = round(float((rows >= FIRES_AT).mean()), 4) if len(rows) else 0.0
        first += len(rows)
    return recall
