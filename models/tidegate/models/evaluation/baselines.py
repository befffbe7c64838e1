"""What else one could use: baselines that packages carry or that train in minutes, on the same held-out texts.

Three: the linear profanity checker of `alt-profanity-check`; the packaged encoder, frozen, under logistic regression;
hashed n-grams under logistic regression. The last two are trained on a draw of the same mixture.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from scipy.sparse import hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from tokenizers import Tokenizer

from tidegate.models.encoder import MINILM
from tidegate.models.evaluation.held_out import ANY_HARM
from tidegate.models.evaluation.quality import POOLED, JudgedTexts, by_label
from tidegate.models.export.graph import build_graph
from tidegate.models.normalisation import normalise
from tidegate.models.training.examples import LABELS, Example

Features = Callable[[Sequence[str]], Any]
Predict = Callable[[Sequence[str]], np.ndarray]

_BUCKETS: Final = 2**18
_MAX_TOKENS: Final = 128
_TIMED: Final = 60
_ENCODER_LAYER: Final = "encoder.layer.5.output.dense"


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """One baseline on all held-out sources."""

    name: str
    """What it is."""
    auprc: dict[str, float | None]
    """By label, `any_harm` included."""
    roc_auc: dict[str, float | None]
    """By label."""
    ms_per_text: float
    """Median CPU time over single texts of the held-out set, one thread, from text to scores."""
    size_bytes: int
    """Of what has to be kept on disk."""
    trained_on: int
    """Texts that it was trained on here; 0 if it came trained."""


def profanity_check(held_out: Sequence[Example]) -> BaselineResult:
    """Returns `alt-profanity-check`: one score for every label."""
    from profanity_check import predict_prob  # noqa: PLC0415 - loads its model on import

    installed = distribution("alt-profanity-check")
    size = sum(Path(str(one.locate())).stat().st_size for one in installed.files or () if one.suffix == ".joblib")

    def predict(texts: Sequence[str]) -> np.ndarray:
        return np.repeat(np.asarray(predict_prob(list(texts)))[:, None], len(LABELS), axis=1)

    return _result(f"alt-profanity-check {installed.version}", predict, held_out, size_bytes=size, trained_on=0)


def frozen_encoder(training: Sequence[Example], held_out: Sequence[Example]) -> BaselineResult:
    """Returns logistic regression on the mean and maximum of the packaged encoder's tokens, nothing fine-tuned."""
    embed = _encoder()
    heads = _fitted(lambda: LogisticRegression(C=1.0, max_iter=400), embed([one.text for one in training]), training)
    size = MINILM.weights_path().stat().st_size
    return _result(
        "frozen MiniLM, logistic regression",
        lambda texts: _scores(heads, embed(texts)),
        held_out,
        size_bytes=size,
        trained_on=len(training),
    )


def hashed_ngrams(training: Sequence[Example], held_out: Sequence[Example], *, seed: int) -> BaselineResult:
    """Returns logistic regression on hashed words, pairs of words and pieces of words."""
    words = HashingVectorizer(ngram_range=(1, 2), n_features=_BUCKETS, alternate_sign=False)
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=_BUCKETS, alternate_sign=False)

    def features(texts: Sequence[str]) -> Any:
        seen = [normalise(text).lower() for text in texts]
        return hstack([words.transform(seen), pieces.transform(seen)]).tocsr()

    heads = _fitted(
        lambda: SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=12, tol=None, random_state=seed, average=True),
        features([one.text for one in training]),
        training,
    )
    return _result(
        "hashed n-grams, logistic regression",
        lambda texts: _scores(heads, features(texts)),
        held_out,
        size_bytes=2 * _BUCKETS * len(LABELS) * 4,
        trained_on=len(training),
    )


def _fitted(make: Callable[[], Any], features: Any, training: Sequence[Example]) -> list[Any]:
    heads = []
    for column in range(len(LABELS)):
        target = np.array([one.targets[column] for one in training])
        known = np.flatnonzero(target >= 0)
        heads.append(make().fit(features[known], target[known] == 1))
    return heads


def _scores(heads: Sequence[Any], features: Any) -> np.ndarray:
    return np.stack([head.predict_proba(features)[:, 1] for head in heads], axis=1)


def _result(
    name: str, predict: Predict, held_out: Sequence[Example], *, size_bytes: int, trained_on: int
) -> BaselineResult:
    texts = [one.text for one in held_out]
    quality = by_label(JudgedTexts(held_out, predict(texts)).quality(), POOLED)
    kept = [*LABELS, ANY_HARM]
    return BaselineResult(
        name=name,
        auprc={label: quality[label].auprc for label in kept},
        roc_auc={label: quality[label].roc_auc for label in kept},
        ms_per_text=round(_milliseconds(predict, texts[:: max(1, len(texts) // _TIMED)]), 4),
        size_bytes=size_bytes,
        trained_on=trained_on,
    )


def _milliseconds(predict: Predict, texts: Sequence[str]) -> float:
    taken = []
    for text in texts:
        began = time.thread_time()
        predict([text])
        taken.append((time.thread_time() - began) * 1000.0)
    return statistics.median(taken)


def _encoder() -> Features:
    """The packaged encoder's mean and maximum over tokens, 768 numbers a text, through the project's own graph.

    The head is the identity, written as it can be through its ReLU: relu(x) - relu(-x) = x.
    """
    width = 2 * MINILM.hidden
    one = np.eye(width, dtype=np.float32)
    head = {
        "head.hidden.weight": np.concatenate([one, -one]),
        "head.hidden.bias": np.zeros(2 * width, dtype=np.float32),
        "head.logits.weight": np.concatenate([one, -one], axis=1),
        "head.logits.bias": np.zeros(width, dtype=np.float32),
        f"{_ENCODER_LAYER}.change": np.zeros((MINILM.hidden, MINILM.intermediate), dtype=np.float32),
        f"{_ENCODER_LAYER}.scale": np.zeros(MINILM.hidden, dtype=np.float32),
    }
    model = build_graph(MINILM, head, labels=tuple(map(str, range(width))), name="encoder")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    running = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(MINILM.tokenizer_path()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=_MAX_TOKENS)

    def embed(texts: Sequence[str]) -> np.ndarray:
        ids = [encoding.ids for encoding in tokenizer.encode_batch([normalise(text) for text in texts])]
        found = np.empty((len(ids), width), dtype=np.float32)
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        for first in range(0, len(order), 32):
            rows = order[first : first + 32]
            tokens = np.zeros((len(rows), len(ids[rows[-1]])), dtype=np.int64)
            for place, row in enumerate(rows):
                tokens[place, : len(ids[row])] = ids[row]
            feed = {"input_ids": tokens, "attention_mask": (tokens != 0).astype(np.int64)}
            found[rows] = running.run(["logits"], feed)[0]
        return found

    return embed
