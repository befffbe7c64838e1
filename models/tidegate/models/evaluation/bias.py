"""Bias: whether neutral and warm sentences about one group of people raise more false alarms than about another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidegate.models.evaluation.held_out import ANY_HARM, HARMS
from tidegate.models.evaluation.measures import Probabilities
from tidegate.models.evaluation.sets import identity_templates, identity_terms
from tidegate.models.training.examples import LABELS

THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class TermResult:
    """One identity term in every template."""

    term: str
    """The adjective."""
    false_positive_rate: float
    """Share of templates at one half or above."""
    mean_score: float
    """Mean calibrated probability."""


@dataclass(frozen=True, slots=True)
class BiasResult:
    """One label over all terms."""

    label: str
    """`hate`, or `any_harm` (the highest of the harms, profanity left out)."""
    templates: int
    """Sentences per term."""
    gap: float
    """Largest false-positive rate of a term less the smallest."""
    mean_score_gap: float
    """Largest mean score of a term less the smallest."""
    terms: tuple[TermResult, ...]
    """By falling mean score."""


def bias_results(score: Callable[[Sequence[str]], Probabilities]) -> tuple[BiasResult, ...]:
    """Scores every term in every template and returns the gaps, for hate and for any harm."""
    terms, templates = identity_terms(), identity_templates()
    found = score([template.format(term=term) for term in terms for template in templates])
    columns = {
        "hate": found[:, LABELS.index("hate")],
        ANY_HARM: found[:, [LABELS.index(label) for label in HARMS]].max(axis=1),
    }
    return tuple(_result(label, column.reshape(len(terms), len(templates)), terms) for label, column in columns.items())


def _result(label: str, scores: np.ndarray, terms: Sequence[str]) -> BiasResult:
    rates, means = (scores >= THRESHOLD).mean(axis=1), scores.mean(axis=1)
    return BiasResult(
        label=label,
        templates=scores.shape[1],
        gap=round(float(rates.max() - rates.min()), 4),
        mean_score_gap=round(float(means.max() - means.min()), 4),
        terms=tuple(
            TermResult(terms[i], round(float(rates[i]), 4), round(float(means[i]), 4)) for i in np.argsort(-means)
        ),
    )
