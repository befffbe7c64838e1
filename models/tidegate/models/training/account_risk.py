"""Trains `account_risk`: small networks that learn trees' votes on public profile numbers; measured on other accounts.

Reads top to bottom: accounts, cross-validation beside other models, calibrate, fit on everything, write.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from tidegate.models.account_risk.inputs import INPUTS, NAMES, InputKind
from tidegate.models.account_risk.network import save_network
from tidegate.models.packaged import sha256_of
from tidegate.models.training.accounts.comparing import NETWORK, by_day, compared, fit_all, repeated
from tidegate.models.training.accounts.measuring import out_of_fold, quality, scaling_of
from tidegate.models.training.accounts.reading import Accounts, read_accounts
from tidegate.models.training.accounts.student import Student, StudentSettings, fitted_students
from tidegate.models.training.accounts.teacher import TeacherSettings, taught
from tidegate.models.training.recording import write_json

LABEL: Final = "automated"


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """Of the fit and of its measurement."""

    seed: int = 0
    """Of everything drawn."""
    repeats: int = 3
    """Shuffles of the five folds."""
    teacher: TeacherSettings = field(default_factory=TeacherSettings)
    """Of the trees."""
    student: StudentSettings = field(default_factory=StudentSettings)
    """Of the networks."""


def train(
    data: Path, out: Path, *, settings: RiskSettings, work: Path | None = None, report: Callable[[str], None]
) -> None:
    """Fits the model and writes everything of the version into `out`.

    Args:
        data: the folder that holds one folder per source.
        out: the version's folder.
        settings: of the fit.
        work: not needed; a run takes minutes.
        report: receives progress lines.
    """
    del work
    accounts = read_accounts(data)
    report(f"{len(accounts.truth)} accounts, {int(accounts.truth.sum())} of them bots; {accounts.left_out} left out")
    repeats = repeated(accounts, repeats=settings.repeats)
    fitted = fit_all(
        accounts,
        (*repeats, *by_day(accounts)),
        teacher=settings.teacher,
        student=settings.student,
        seed=settings.seed,
        report=report,
    )
    shuffled, days = fitted[: len(repeats)], fitted[len(repeats) :]
    scaling = scaling_of(out_of_fold(accounts, shuffled), accounts)
    report("fitting on everything")
    lesson = taught(accounts.numbers, accounts.truth, settings.teacher, seed=settings.seed)
    (student,) = fitted_students([lesson], [accounts.numbers], settings.student, seed=settings.seed)
    weights = out / "deltas.safetensors"
    save_network(weights, student.codes, student.weights, student.biases)
    write_json(
        out / "calibration.json",
        {
            "method": "platt, on the logits of held-out accounts",
            "labels": {
                LABEL: {
                    "slope": round(scaling.slope, 5),
                    "intercept": round(scaling.intercept, 5),
                    "positives": int(accounts.truth.sum()),
                    "negatives": int((~accounts.truth).sum()),
                }
            },
        },
    )
    write_json(out / "golden.json", _golden(student, accounts))
    report("comparing with other models on the same folds")
    comparison = compared(accounts, shuffled, seed=settings.seed)
    metrics: dict[str, Any] = {
        "command": "python -m tidegate.models.training account_risk --data ../shared/data",
        "settings": asdict(settings),
        "weights_sha256": sha256_of(weights),
        "accounts": {
            "bots": int(accounts.truth.sum()),
            "people": int((~accounts.truth).sum()),
            "left_out_as_copies": accounts.left_out,
        },
        "folds": f"{settings.repeats} shuffles of 5",
        "compared": comparison,
        "compared_by_day_of_registration": compared(accounts, days, seed=settings.seed),
        **quality(accounts, shuffled),
    }
    write_json(out / "metrics.json", metrics)
    report(f"AUC on held-out accounts {comparison[NETWORK]['auc']}")
    report(f"weights {sha256_of(weights)}, {weights.stat().st_size / 1e3:.0f} kB; name this digest in catalogue.json")


def _golden(student: Student, accounts: Accounts) -> dict[str, Any]:
    """Made-up accounts with what the trained network says of them: quantiles of the data, some inputs hidden."""
    draw = np.random.default_rng(0)
    levels = np.nanquantile(accounts.numbers, np.linspace(0, 1, 11), axis=0, method="nearest")
    picked = draw.integers(len(levels), size=(24, len(NAMES)))
    numbers = np.take_along_axis(levels, picked, axis=0)
    numbers[8:] = np.where(draw.random((16, len(NAMES))) < np.linspace(0, 1, 16)[:, None], np.nan, numbers[8:])
    return {
        "inputs": list(NAMES),
        "accounts": [
            {"values": [_plain(*one) for one in zip(row, INPUTS, strict=True)], "logit": round(float(logit), 6)}
            for row, logit in zip(numbers, student.logits(numbers), strict=True)
        ],
    }


def _plain(value: float, declared: Any) -> bool | int | None:
    if np.isnan(value):
        return None
    return bool(value) if declared.kind is InputKind.FLAG else int(value)
