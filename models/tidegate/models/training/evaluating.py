"""Measures a detector on what it was never trained on: order (AUC), recall, false alarms, and the functional checks."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from tidegate.models.severity import SEVERITY_EDGES, severity
from tidegate.models.training.behaviour import CHECKS
from tidegate.models.training.examples import HEADS, LABELS, Example

Probabilities = npt.NDArray[np.float64]

_FIRED: Final = 4
"""The severity at which a label counts as said."""
_ORDINARY: Final = ("context_toxicity", "youtube_spam", "sms_spam", "awesome_podcasts")
_FEW: Final = 10


def held_out_quality(probabilities: Probabilities, examples: Sequence[Example]) -> dict[str, Any]:
    """Returns AUC, recall and precision per label and held-out source, with the counts behind each.

    Args:
        probabilities: calibrated, [examples, labels].
        examples: test examples in the same order.
    """
    source = np.array([example.source for example in examples])
    target = np.array([example.targets for example in examples])
    found: dict[str, Any] = {}
    columns = {label: probabilities[:, i] for i, label in enumerate(LABELS)}
    columns["toxic"] = probabilities.max(axis=1)
    for head, score in columns.items():
        truth = target[:, HEADS.index(head)]
        for name in sorted(set(source)):
            rows = (source == name) & (truth >= 0)
            positives, negatives = int((truth[rows] == 1).sum()), int((truth[rows] == 0).sum())
            if positives < _FEW or negatives < _FEW:
                continue
            fired = score[rows] >= SEVERITY_EDGES[_FIRED - 1]
            hits = int((fired & (truth[rows] == 1)).sum())
            found.setdefault(head, {})[name] = {
                "auc": round(float(roc_auc_score(truth[rows], score[rows])), 4),
                "recall_at_severity_4": round(hits / positives, 4),
                "precision_at_severity_4": round(hits / max(1, int(fired.sum())), 4),
                "positives": positives,
                "negatives": negatives,
            }
    return found


def false_alarms(probabilities: Probabilities, examples: Sequence[Example]) -> dict[str, Any]:
    """Returns, per ordinary source, the share of clean texts on which each label reaches severity 4, and any does."""
    found: dict[str, Any] = {}
    for name in _ORDINARY:
        rows = [i for i, one in enumerate(examples) if one.source == name]
        fired = np.zeros((len(rows), len(LABELS)), dtype=bool)
        for row, index in enumerate(rows):
            clean = np.array(examples[index].targets[: len(LABELS)]) != 1
            if examples[index].targets[HEADS.index("toxic")] == 1:
                continue
            fired[row] = (probabilities[index] >= SEVERITY_EDGES[_FIRED - 1]) & clean
        shares = {label: round(float(fired[:, i].mean()), 5) for i, label in enumerate(LABELS)}
        found[name] = {"texts": len(rows), "any": round(float(fired.any(axis=1).mean()), 5), **shares}
    return found


def behaviour_texts() -> list[str]:
    """Returns the texts of all functional checks, in order."""
    return [text for check in CHECKS for text in check.texts]


def behaviour(probabilities: Probabilities) -> dict[str, Any]:
    """Returns how many of each kind of functional check pass, and which fail; rows as `behaviour_texts`."""
    found: dict[str, Any] = {}
    row = 0
    for check in CHECKS:
        failed = []
        for text in check.texts:
            bands = {label: severity(float(probabilities[row, i])) for i, label in enumerate(LABELS)}
            row += 1
            said = max(bands.values()) >= _FIRED if check.label is None else bands[check.label] >= _FIRED
            if said == (check.label is None):
                failed.append(text)
        found[check.kind] = {
            "expects": check.label or "nothing",
            "texts": len(check.texts),
            "passed": len(check.texts) - len(failed),
            "failed": failed,
        }
    return found
