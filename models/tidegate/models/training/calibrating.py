"""Fits each label's Platt scaling on the validation part, drawn towards the identity where positives are few."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tidegate.models.training.examples import LABELS, Example

_PRIOR: Final = 5.0
"""Strength of the pull to slope 1 and intercept 0, in examples."""
_STEPS: Final = 50


def calibrated(logits: npt.NDArray[np.float32], examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Returns slope and intercept per label, with the counts they rest on.

    Args:
        logits: [examples, labels].
        examples: in the same order.
    """
    found = {}
    for column, label in enumerate(LABELS):
        target = np.array([example.targets[column] for example in examples])
        known = target >= 0
        slope, intercept = _platt(logits[known, column].astype(np.float64), target[known])
        found[label] = {
            "slope": round(slope, 5),
            "intercept": round(intercept, 5),
            "positives": int((target == 1).sum()),
            "negatives": int((target == 0).sum()),
        }
    return found


def _platt(logit: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Newton's method on the penalised log loss; smooth and convex, so it converges."""
    design = np.stack([logit, np.ones_like(logit)], axis=1)
    identity = np.array([1.0, 0.0])
    weights = identity.copy()
    for _ in range(_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (probability - target) + _PRIOR * (weights - identity)
        curvature = (design * (probability * (1.0 - probability))[:, None]).T @ design + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 1e-8:  # noqa: PLR2004 - far below the five digits that are kept
            break
    return max(float(weights[0]), 0.05), float(weights[1])
