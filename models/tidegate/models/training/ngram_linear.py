"""A linear model over hashed n-grams: fitted, rounded to what is stored, and calibrated. scikit-learn's liblinear."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from tidegate.models.ngrams import FIRST_PIECE, NOTHING, VOCABULARY
from tidegate.models.training.recording import sigmoid

_PIECES_COUNT: Final = 0.5
"""Weight of pieces of words against words; within noise from 0.3 to 1."""

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """One weight per id, and a bias."""

    weights: Floats
    """[ids]; those of pieces without their factor."""
    bias: float

    def logits(self, features: csr_matrix) -> Floats:
        """Returns the logit of each row."""
        return np.asarray(features @ self.weights + self.bias, dtype=np.float64)

    def rounded(self) -> "LinearModel":
        """Returns the model as it is stored, in half precision: what is measured shall be what is served."""
        return LinearModel(self.weights.astype(np.float16).astype(np.float64), float(np.float32(self.bias)))

    def save(self, path: Path) -> None:
        """Stores the weights with the factor of pieces folded in, exactly (it is a power of two)."""
        folded = self.weights.copy()
        folded[FIRST_PIECE:] *= _PIECES_COUNT
        path.parent.mkdir(parents=True, exist_ok=True)
        bias = np.array([self.bias], dtype=np.float32)
        save_file({"weights": folded.astype(np.float16)[:, None], "bias": bias}, path)


@dataclass(frozen=True, slots=True)
class Platt:
    """Probability of a logit; see `catalogue.Calibration`."""

    slope: float
    intercept: float

    def probability(self, logits: Floats) -> Floats:
        """Returns the probability of each logit."""
        return sigmoid(self.slope * logits + self.intercept)


def feature_matrix(rows: Sequence[Sequence[int]]) -> csr_matrix:
    """Returns the features, [rows, ids]: each n-gram by the square root of its group's count; pieces count half."""
    indices: list[int] = []
    values: list[float] = []
    ends = [0]
    for row in rows:
        words = [one for one in row if NOTHING < one < FIRST_PIECE]
        pieces = [one for one in row if one >= FIRST_PIECE]
        indices += words + pieces
        values += [len(words) ** -0.5] * len(words) if words else []
        values += [_PIECES_COUNT * len(pieces) ** -0.5] * len(pieces) if pieces else []
        ends.append(len(indices))
    return csr_matrix((values, indices, ends), shape=(len(rows), VOCABULARY))


def fitted(features: csr_matrix, truth: Truth, weight: Floats, *, inverse_penalty: float, seed: int) -> LinearModel:
    """Returns the logistic regression of the rows whose weight is not 0.

    Args:
        features: [rows, ids].
        truth: [rows].
        weight: of each row in the loss.
        inverse_penalty: scikit-learn's C.
        seed: of the solver.
    """
    used = weight > 0
    solver = LogisticRegression(
        C=inverse_penalty, solver="liblinear", dual=True, max_iter=2_000, tol=1e-3, random_state=seed
    )
    solver.fit(features[used], truth[used], sample_weight=weight[used])
    return LinearModel(solver.coef_[0].astype(np.float64), float(solver.intercept_[0]))


def platt(logits: Floats, truth: Truth) -> Platt:
    """Returns the scaling that fits held-out logits."""
    line = LogisticRegression(C=1e4).fit(logits[:, None], truth)
    return Platt(float(line.coef_[0, 0]), float(line.intercept_[0]))
