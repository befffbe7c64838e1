"""Cross-validation in one run: the network, its teacher, gradient boosting and each input alone, on the same folds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from tidegate.models.account_risk.channels import channels
from tidegate.models.account_risk.inputs import NAMES
from tidegate.models.evaluation.measures import auprc, roc_auc
from tidegate.models.training.accounts.reading import Accounts
from tidegate.models.training.accounts.student import Student, StudentSettings, fitted_students
from tidegate.models.training.accounts.teacher import TeacherSettings, taught

FOLDS: Final = 5
_GUESSING: Final = 0.5
"""AUC of a coin."""
NETWORK: Final = "account_risk"
_FIRST_SHUFFLE: Final = 0
"""Settings were chosen on shuffles 100 and 101 of the same accounts; what is reported is on others."""


@dataclass(frozen=True, slots=True)
class Split:
    """One fold."""

    train: np.ndarray
    """Places of accounts."""
    test: np.ndarray
    """Places of accounts."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The network of one fold."""

    split: Split
    student: Student


def repeated(accounts: Accounts, *, repeats: int) -> tuple[Split, ...]:
    """Returns the folds of so many shuffles, each with bots and people in the same shares."""
    return tuple(
        Split(train, test)
        for shuffle in range(repeats)
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=_FIRST_SHUFFLE + shuffle).split(
            accounts.numbers, accounts.truth
        )
    )


def by_day(accounts: Accounts) -> tuple[Split, ...]:
    """Returns folds that keep accounts registered on the same day together: a fleet is often made in one go."""
    days = accounts.numbers[:, NAMES.index("account_age_days")]
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=_FIRST_SHUFFLE)
    return tuple(Split(train, test) for train, test in folds.split(accounts.numbers, accounts.truth, groups=days))


def fit_all(
    accounts: Accounts,
    splits: Sequence[Split],
    *,
    teacher: TeacherSettings,
    student: StudentSettings,
    seed: int,
    report: Callable[[str], None],
) -> tuple[Fitted, ...]:
    """Returns a network per fold, which saw nothing of the fold's test accounts, edges of its code included."""
    report(f"teaching {len(splits)} folds")
    seen = [accounts.numbers[one.train] for one in splits]
    lessons = [
        taught(numbers, accounts.truth[one.train], teacher, seed=seed)
        for numbers, one in zip(seen, splits, strict=True)
    ]
    report(f"fitting {len(splits) * student.members} networks side by side")
    found = fitted_students(lessons, seen, student, seed=seed)
    return tuple(Fitted(split, one) for split, one in zip(splits, found, strict=True))


def compared(accounts: Accounts, fitted: Sequence[Fitted], *, seed: int) -> Mapping[str, Any]:
    """AUC and AUPRC over folds: mean and spread, and the network's lead on each other, fold by fold."""
    areas: dict[str, list[tuple[float, float]]] = {}
    for one in fitted:
        truth = accounts.truth[one.split.test]
        for name, scores in _scores(accounts, one, seed=seed).items():
            areas.setdefault(name, []).append((roc_auc(scores, truth), auprc(scores, truth)))
    found = {name: np.array(rows) for name, rows in areas.items()}
    return {
        name: {
            "auc": round(float(rows[:, 0].mean()), 4),
            "auc_spread": round(float(rows[:, 0].std(ddof=1)), 4),
            "auprc": round(float(rows[:, 1].mean()), 4),
            "auprc_spread": round(float(rows[:, 1].std(ddof=1)), 4),
            "auc_lead": _lead(found[NETWORK][:, 0] - rows[:, 0]),
        }
        for name, rows in found.items()
    }


def _lead(differences: np.ndarray) -> Mapping[str, float]:
    """Mean of paired differences, with the error that is corrected for folds sharing their training accounts.

    Source: Nadeau and Bengio 2003, "Inference for the Generalization Error": variance times 1/J + test/train.
    """
    error = float(differences.std(ddof=1)) * (1 / len(differences) + 1 / (FOLDS - 1)) ** 0.5
    return {
        "mean": round(float(differences.mean()), 4),
        "standard_error": round(error, 4),
        "folds_ahead": round(float((differences > 0).mean()), 2),
    }


def _scores(accounts: Accounts, one: Fitted, *, seed: int) -> Mapping[str, np.ndarray]:
    train, test = one.split.train, one.split.test
    truth, raw = accounts.truth[train], accounts.numbers
    seen = channels(raw)
    filled = [np.nan_to_num(given, nan=-1.0) for given in (raw, seen)]
    models = {
        "gradient boosting": (GradientBoostingClassifier(random_state=seed), filled[0]),
        "gradient boosting, same channels": (GradientBoostingClassifier(random_state=seed), filled[1]),
        "histogram gradient boosting": (HistGradientBoostingClassifier(random_state=seed), raw),
        "histogram gradient boosting, same channels": (HistGradientBoostingClassifier(random_state=seed), seen),
        "extra trees, the teacher alone": (
            ExtraTreesClassifier(TeacherSettings().trees, min_samples_leaf=TeacherSettings().leaf, random_state=seed),
            filled[1],
        ),
    }
    found = {NETWORK: one.student.logits(raw[test])}
    for name, (model, given) in models.items():
        found[name] = model.fit(given[train], truth).predict_proba(given[test])[:, 1]
    return found | {
        f"{name} alone": _alone(filled[0][:, place], train, test, truth) for place, name in enumerate(NAMES)
    }


def _alone(column: np.ndarray, train: np.ndarray, test: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One input as a score, in the direction that suits the training accounts."""
    return column[test] if roc_auc(column[train], truth) >= _GUESSING else -column[test]
