"""The teacher: randomised trees whose smooth votes a small network then learns, also on accounts that nobody has.

With 1,684 accounts a network alone fits noise; trees average it out but are large, and have no answer for a missing
input. Learning the trees' votes on made-up neighbours of real accounts gives both. Source: Bucila, Caruana and
Niculescu-Mizil 2006, "Model compression" (their MUNGE, here with swaps between neighbouring accounts of a label).
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from tidegate.models.account_risk.channels import channels


@dataclass(frozen=True, slots=True)
class TeacherSettings:
    """Of the trees and of what they judge."""

    trees: int = 200
    """Of the vote."""
    leaf: int = 2
    """Fewest accounts in a leaf."""
    made_per_account: int = 8
    """Made-up accounts for each real one."""
    swapped: float = 0.25
    """Share of inputs taken from another account."""
    neighbours: int = 40
    """The other account is one of so many nearest."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the network learns from."""

    numbers: np.ndarray
    """[rows, inputs]: the real accounts first, then those made up."""
    votes: np.ndarray
    """[rows], share of trees that vote bot."""


def taught(numbers: np.ndarray, truth: np.ndarray, settings: TeacherSettings, *, seed: int) -> Lesson:
    """Returns the trees' votes on accounts, [accounts, inputs], and on made-up neighbours of them."""
    trees = ExtraTreesClassifier(settings.trees, min_samples_leaf=settings.leaf, random_state=seed)
    trees.fit(_seen(numbers), truth)
    rows = np.concatenate([numbers, _made_up(numbers, settings, np.random.default_rng(seed))])
    return Lesson(rows, trees.predict_proba(_seen(rows))[:, 1])


def _seen(numbers: np.ndarray) -> np.ndarray:
    return np.nan_to_num(channels(numbers), nan=-1.0)


def _made_up(numbers: np.ndarray, settings: TeacherSettings, draw: np.random.Generator) -> np.ndarray:
    seen = _seen(numbers)
    scaled = (seen - seen.mean(axis=0)) / (seen.std(axis=0) + 1e-9)
    squares = (scaled**2).sum(axis=1)
    near = np.argsort(squares[:, None] + squares - 2 * scaled @ scaled.T, axis=1)[:, 1 : settings.neighbours + 1]
    made = np.tile(numbers, (settings.made_per_account, 1))
    rows = np.tile(np.arange(len(numbers)), settings.made_per_account)
    other = numbers[near[rows, draw.integers(near.shape[1], size=len(rows))]]
    return np.where(draw.random(made.shape) < settings.swapped, other, made)
