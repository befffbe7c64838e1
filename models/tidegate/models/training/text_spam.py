"""Trains `text_spam`: a linear model over hashed n-grams, measured on comment threads that it was not trained on.

Reads top to bottom: examples, features, leave one thread out, calibrate, fit on everything, write.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from tidegate.models.ngrams import NgramTokenizer
from tidegate.models.normalisation import NORMALISATION_VERSION
from tidegate.models.packaged import sha256_of
from tidegate.models.training.ngram_linear import Floats, LinearModel, feature_matrix, fitted, platt
from tidegate.models.training.recording import write_json
from tidegate.models.training.spam_examples import SpamExample, measured_examples, training_examples
from tidegate.models.training.spam_measuring import (
    SpamSettings,
    ablations,
    leave_one_thread_out,
    other_quality,
    thread_quality,
    transfer,
    truth_of,
)

LABEL: Final = "spam"
WORDS: Final = 100
"""Words of a window; the catalogue says the same."""
OVERLAP: Final = 25

_GOLDEN: Final = (
    "I love this song!", "Check out my channel please", "Subscribe to me and I will subscribe back",
    "just subscribed, you earned it", "Earn $500 a day from home, text +1 202 555 0147", "http://shop.example/offer",
    "The second guest was hard to understand.", "Late Night Drive", "free gift cards <a href=\"http://x.example\">here</a>",
    "who is still listening in 2024?", "The quick brown fox jumps over the lazy dog. " * 4, "ok",
)  # fmt: skip


def train(
    data: Path, out: Path, *, settings: SpamSettings, work: Path | None = None, report: Callable[[str], None]
) -> None:
    """Fits the detector and writes everything of the version into `out`.

    Args:
        data: the folder that holds one folder per source.
        out: the version's folder.
        settings: of the fit.
        work: not needed; a run takes minutes.
        report: receives progress lines.
    """
    del work
    report("reading sources")
    examples = training_examples(data, seed=settings.seed)
    measured = measured_examples(data, seed=settings.seed)
    features = featured(examples)
    report(f"{len(examples)} texts; leaving one thread out")
    held_out = leave_one_thread_out(features, examples, settings)
    truth = truth_of(examples)
    known = ~np.isnan(held_out)
    scaling = platt(held_out[known], truth[known])
    report("fitting on everything")
    model = fitted(
        features,
        truth,
        np.array([one.weight for one in examples]),
        inverse_penalty=settings.inverse_penalty,
        seed=settings.seed,
    ).rounded()
    weights = out / "deltas.safetensors"
    model.save(weights)
    write_json(
        out / "calibration.json",
        {
            "method": "platt, on the logits of held-out threads",
            "labels": {
                LABEL: {
                    "slope": round(scaling.slope, 5),
                    "intercept": round(scaling.intercept, 5),
                    "positives": int(truth[known].sum()),
                    "negatives": int((~truth[known]).sum()),
                }
            },
        },
    )
    _write_golden(model, out / "golden.json")
    report("measuring")
    quality = thread_quality(held_out, examples)
    metrics = {
        "command": "python -m tidegate.models.training text_spam --data ../shared/data",
        "settings": asdict(settings),
        "normalisation": NORMALISATION_VERSION,
        "weights_sha256": sha256_of(weights),
        "examples": _counts(examples),
        "held_out_threads": quality,
        "held_out_threads_without": ablations(features, examples, settings),
        "trained_on_messages_alone": transfer(features, examples, settings),
        "other_texts": other_quality(scaling.probability(_served(model, measured)), measured),
    }
    write_json(out / "metrics.json", metrics)
    report(f"F1 on held-out threads {quality['f1']}")
    report(f"weights {sha256_of(weights)}, {weights.stat().st_size / 1e6:.1f} MB; name this digest in catalogue.json")


def featured(examples: Sequence[SpamExample]) -> csr_matrix:
    """Returns the features of each example's first window, [examples, ids].

    Texts longer than a window are read by their first; serving, and the measure on other texts, read all windows.
    """
    tokenizer = NgramTokenizer(normalisation=NORMALISATION_VERSION, words=WORDS, overlap=OVERLAP)
    return feature_matrix([windows[0] for windows in tokenizer.windows([one.text for one in examples])])


def _served(model: LinearModel, examples: Sequence[SpamExample]) -> Floats:
    """The logits as served: the highest of a text's windows."""
    tokenizer = NgramTokenizer(normalisation=NORMALISATION_VERSION, words=WORDS, overlap=OVERLAP)
    found = tokenizer.windows([one.text for one in examples])
    logits = model.logits(feature_matrix([window for windows in found for window in windows]))
    starts = np.cumsum([0, *(len(windows) for windows in found)])[:-1]
    return np.maximum.reduceat(logits, starts)


def _write_golden(model: LinearModel, path: Path) -> None:
    tokenizer = NgramTokenizer(normalisation=NORMALISATION_VERSION, words=WORDS, overlap=OVERLAP)
    rows = [windows[0] for windows in tokenizer.windows(_GOLDEN)]
    logits = model.logits(feature_matrix(rows))
    write_json(
        path,
        {
            "labels": [LABEL],
            "sentences": [
                {"text": text, "input_ids": row, "logits": [round(float(logit), 6)]}
                for text, row, logit in zip(_GOLDEN, rows, logits, strict=True)
            ],
        },
    )


def _counts(examples: Sequence[SpamExample]) -> Mapping[str, Mapping[str, int]]:
    return {
        source: {
            "spam": sum(one.spam for one in examples if one.source == source),
            "ham": sum(not one.spam for one in examples if one.source == source),
        }
        for source in dict.fromkeys(one.source for one in examples)
    }
