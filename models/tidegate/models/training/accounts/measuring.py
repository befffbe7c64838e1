"""What the network's scores are worth on accounts that it never saw: calibration, slices, and hidden inputs."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from tidegate.models.account_risk.inputs import NAMES
from tidegate.models.evaluation.measures import auprc, calibration_error, reliability, roc_auc
from tidegate.models.training.accounts.comparing import FOLDS, Fitted
from tidegate.models.training.accounts.reading import Accounts
from tidegate.models.training.ngram_linear import Platt, platt

GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "age": ("account_age_days",),
    "audience": ("followers", "following", "listed", "verified"),
    "activity": ("posts", "likes_given"),
    "profile": (
        "default_profile", "default_picture", "extended_profile", "description_length", "has_url", "has_location",
    ),
    "handle": ("handle_length", "handle_digits"),
}  # fmt: skip
"""Inputs that are missing together when a part of the account system does not answer."""
_AGE_DAYS: Final = (0, 365, 1_095, 2_190, 100_000)
_FOLLOWERS: Final = (0, 10, 100, 1_000, 100_000, 10**12)
_HALF_SEED: Final = 1
_EDGES: Final = (50, 90)
"""Per cent of probability at which errors are counted."""


def out_of_fold(accounts: Accounts, fitted: Sequence[Fitted], *, numbers: np.ndarray | None = None) -> np.ndarray:
    """Returns the logits of each account by networks that never saw it, [repeats, accounts].

    Args:
        accounts: whose folds these are.
        fitted: the folds of whole repeats, in order.
        numbers: what is scored in their stead, [accounts, inputs]: the same accounts with inputs hidden.
    """
    scored = accounts.numbers if numbers is None else numbers
    logits = np.full((len(fitted) // FOLDS, len(accounts.truth)), np.nan)
    for place, one in enumerate(fitted):
        logits[place // FOLDS, one.split.test] = one.student.logits(scored[one.split.test])
    return logits


def scaling_of(logits: np.ndarray, accounts: Accounts) -> Platt:
    """Returns the scaling that fits the logits of all repeats."""
    return platt(logits.ravel(), np.tile(accounts.truth, len(logits)))


def quality(accounts: Accounts, fitted: Sequence[Fitted]) -> dict[str, Any]:
    """Calibration, curves and slices. A fold's probabilities come from a scaling fitted to the other folds."""
    logits = out_of_fold(accounts, fitted)
    probability = _scaled_by_others(accounts, fitted, logits)
    pooled, truth = probability.ravel(), np.tile(accounts.truth, len(probability))
    return {
        "ece": round(float(np.mean([calibration_error(one, accounts.truth) for one in probability])), 4),
        "brier": round(float(((pooled - truth) ** 2).mean()), 4),
        "reliability": [
            {"mean_score": round(one.mean_score, 4), "share_positive": round(one.share_positive, 4), "n": one.texts}
            for one in reliability(pooled, truth)
        ],
        "roc": _roc(pooled, truth),
        "slices": _slices(accounts, probability),
        "hidden": _hidden(accounts, fitted),
    }


def _scaled_by_others(accounts: Accounts, fitted: Sequence[Fitted], logits: np.ndarray) -> np.ndarray:
    found = np.full(logits.shape, np.nan)
    for place, one in enumerate(fitted):
        repeat, others = place // FOLDS, np.setdiff1d(np.arange(logits.shape[1]), one.split.test)
        scaling = platt(logits[repeat, others], accounts.truth[others])
        found[repeat, one.split.test] = scaling.probability(logits[repeat, one.split.test])
    return found


def _slices(accounts: Accounts, probability: np.ndarray) -> list[dict[str, Any]]:
    def column(name: str) -> np.ndarray:
        return accounts.numbers[:, NAMES.index(name)]

    marks = {"verified": column("verified") == 1, "not verified": column("verified") == 0}
    for low, high in pairwise(_AGE_DAYS):
        name = f"{low:,} to {high:,} days old" if high < _AGE_DAYS[-1] else f"{low:,} days old and more"
        marks[name] = (column("account_age_days") >= low) & (column("account_age_days") < high)
    for low, high in pairwise(_FOLLOWERS):
        name = f"{low:,} to {high - 1:,} followers" if high < _FOLLOWERS[-1] else f"{low:,} followers and more"
        marks[name] = (column("followers") >= low) & (column("followers") < high)
    return [{"slice": name, **_judged(probability[:, mine], accounts.truth[mine])} for name, mine in marks.items()]


def _judged(probability: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    bots, people = int(truth.sum()), int((~truth).sum())
    both = min(bots, people) > 0
    return {
        "bots": bots,
        "people": people,
        "auc": round(float(np.mean([roc_auc(one, truth) for one in probability])), 4) if both else None,
        "mean_probability": round(float(probability.mean()), 4),
        "share_bots": round(float(truth.mean()), 4),
        **{f"false_alarms_at_{edge}": _share(probability[:, ~truth], edge) for edge in _EDGES},
        **{f"found_at_{edge}": _share(probability[:, truth], edge) for edge in _EDGES},
    }


def _share(probability: np.ndarray, edge: int) -> float | None:
    return round(float((probability >= edge / 100).mean()), 4) if probability.size else None


def _hidden(accounts: Accounts, fitted: Sequence[Fitted]) -> list[dict[str, Any]]:
    """The same accounts with inputs missing: order and calibration by the scaling of whole accounts."""
    scaling = scaling_of(out_of_fold(accounts, fitted), accounts)
    draw, size = np.random.default_rng(_HALF_SEED), accounts.numbers.shape
    masks = {name: np.isin(NAMES, members) & np.ones(size, dtype=np.bool_) for name, members in GROUPS.items()}
    masks["audience and age"] = masks["audience"] | masks["age"]
    masks["a random half"] = np.argsort(draw.random(size), axis=1) < len(NAMES) // 2
    masks["all but three at random"] = np.argsort(draw.random(size), axis=1) < len(NAMES) - 3
    found = []
    for name, mask in masks.items():
        logits = out_of_fold(accounts, fitted, numbers=np.where(mask, np.nan, accounts.numbers))
        probability = scaling.probability(logits)
        found.append(
            {
                "missing": name,
                "auc": round(float(np.mean([roc_auc(one, accounts.truth) for one in logits])), 4),
                "auprc": round(float(np.mean([auprc(one, accounts.truth) for one in logits])), 4),
                "ece": round(float(np.mean([calibration_error(one, accounts.truth) for one in probability])), 4),
                "mean_probability": round(float(probability.mean()), 4),
            }
        )
    return found


def _roc(score: np.ndarray, truth: np.ndarray, *, points: int = 80) -> dict[str, list[float]]:
    falling = truth[np.argsort(-score, kind="stable")]
    found, alarms = np.cumsum(falling) / truth.sum(), np.cumsum(~falling) / (~truth).sum()
    at = np.concatenate([[0.0], np.linspace(0, 1, points) ** 2])
    kept = np.minimum(np.searchsorted(alarms, at, side="right"), len(found) - 1)
    return {"false_alarms": [round(float(x), 4) for x in at], "found": [round(float(found[i]), 4) for i in kept]}
