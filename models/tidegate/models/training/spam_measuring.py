"""Measures `text_spam`: on comment threads it was not trained on, without kinds of examples, and on other texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix

from tidegate.models.evaluation.measures import calibration_error, roc_auc
from tidegate.models.normalisation import normalise
from tidegate.models.training.ngram_linear import Floats, LinearModel, Truth, fitted, platt
from tidegate.models.training.recording import sigmoid
from tidegate.models.training.spam_examples import BACKGROUND, MESSAGES, THREADS, WRITTEN, SpamExample

_EVEN: Final = 0.5
"""Probability from which a text counts as spam here."""
_NOT_WORDS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class SpamSettings:
    """Of the fit."""

    seed: int = 0
    """Of draws from large sources, fillings and the solver."""
    inverse_penalty: float = 30.0
    """scikit-learn's C; F1 changes by less than 0.003 from 10 to 100."""


def fit_without(
    thread: str, features: csr_matrix, examples: Sequence[SpamExample], settings: SpamSettings
) -> LinearModel:
    """Returns a model that never saw a thread."""
    weight = np.array([0.0 if one.source == thread else one.weight for one in examples])
    return fitted(features, truth_of(examples), weight, inverse_penalty=settings.inverse_penalty, seed=settings.seed)


def leave_one_thread_out(features: csr_matrix, examples: Sequence[SpamExample], settings: SpamSettings) -> Floats:
    """Returns the logits of each thread's comments by a model that never saw the thread; NaN for other examples."""
    logits = np.full(len(examples), np.nan)
    for thread in THREADS:
        mine = rows_of(examples, thread)
        logits[mine] = fit_without(thread, features, examples, settings).logits(features[mine])
    return logits


def thread_quality(held_out: Floats, examples: Sequence[SpamExample]) -> dict[str, Any]:
    """Quality at probability 0.5, each thread calibrated by the others: nothing of a thread is known beforehand."""
    truth, found, pooled = truth_of(examples), {}, np.full(len(examples), np.nan)
    for thread in THREADS:
        mine = rows_of(examples, thread)
        others = ~mine & ~np.isnan(held_out)
        pooled[mine] = platt(held_out[others], truth[others]).probability(held_out[mine])
        new = mine & _new(examples, mine)
        found[thread] = {**_quality(pooled[mine], truth[mine]), "unseen_texts_only": _quality(pooled[new], truth[new])}
    mine = ~np.isnan(pooled)
    return {
        **_quality(pooled[mine], truth[mine]),
        "ece": round(calibration_error(pooled[mine], truth[mine]), 4),
        "threads": found,
    }


def _new(examples: Sequence[SpamExample], mine: Truth) -> Truth:
    """Marks texts that, folded, neither training nor the thread itself had before."""
    keys = [_NOT_WORDS.sub("", normalise(one.text).lower()) for one in examples]
    seen = {key for key, inside in zip(keys, mine, strict=True) if not inside}
    fresh = np.zeros(len(examples), dtype=np.bool_)
    for place, key in enumerate(keys):
        fresh[place] = mine[place] and key not in seen
        if mine[place]:
            seen.add(key)
    return fresh


def ablations(features: csr_matrix, examples: Sequence[SpamExample], settings: SpamSettings) -> dict[str, Any]:
    """What each kind of example adds: the same measure without it."""
    found = {}
    for name, sources in {
        "written lines": {WRITTEN},
        "messages": {MESSAGES},
        "background": set(BACKGROUND),
    }.items():
        kept = [i for i, one in enumerate(examples) if one.source not in sources]
        subset = [examples[i] for i in kept]
        quality = thread_quality(leave_one_thread_out(features[kept], subset, settings), subset)
        found[name] = {key: quality[key] for key in ("f1", "auc")}
    return found


def transfer(features: csr_matrix, examples: Sequence[SpamExample], settings: SpamSettings) -> dict[str, Any]:
    """What training on messages alone says of comments: it does not carry over."""
    truth, alone = truth_of(examples), rows_of(examples, MESSAGES).astype(np.float64)
    model = fitted(features, truth, alone, inverse_penalty=settings.inverse_penalty, seed=settings.seed)
    return {
        thread: _quality(sigmoid(model.logits(features[rows_of(examples, thread)])), truth[rows_of(examples, thread)])
        for thread in THREADS
    }


def other_quality(probability: Floats, measured: Sequence[SpamExample]) -> dict[str, Any]:
    """Quality on texts that are no comments under a video; false alarms where a source holds no spam."""
    found: dict[str, Any] = {}
    truth = truth_of(measured)
    for source in dict.fromkeys(one.source for one in measured):
        mine = rows_of(measured, source)
        found[source] = (
            _quality(probability[mine], truth[mine])
            if truth[mine].any()
            else {"false_alarms": round(float((probability[mine] >= _EVEN).mean()), 4), "texts": int(mine.sum())}
        )
    return found


def _quality(probability: Floats, truth: Truth) -> dict[str, Any]:
    said = probability >= _EVEN
    hits = int((said & truth).sum())
    precision, recall = hits / max(1, int(said.sum())), hits / max(1, int(truth.sum()))
    return {
        "f1": round(2 * precision * recall / max(1e-9, precision + recall), 4),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "auc": round(roc_auc(probability, truth), 4),
        "spam": int(truth.sum()),
        "ham": int((~truth).sum()),
    }


def truth_of(examples: Sequence[SpamExample]) -> Truth:
    """Returns whether each is spam."""
    return np.array([one.spam for one in examples], dtype=np.bool_)


def rows_of(examples: Sequence[SpamExample], source: str) -> Truth:
    """Marks the examples of a source."""
    return np.array([one.source == source for one in examples], dtype=np.bool_)
