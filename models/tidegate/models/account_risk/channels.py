"""From an account's inputs to what the network sees: logarithms, ratios, and a piecewise-linear code. Pure numpy.

Training and serving both call this module, so there is one definition. A channel that needs a missing input is
missing itself: its code is zeros with the missing sign set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidegate.models.account_risk.inputs import INPUTS, NAMES, Floats, InputKind

_RATIOS: Final = (
    ("followers", "following"),
    ("likes_given", "posts"),
    ("listed", "followers"),
    ("posts", "account_age_days"),
    ("likes_given", "account_age_days"),
    ("following", "account_age_days"),
    ("followers", "account_age_days"),
)
"""Differences of logarithms: balance of an audience, and rates per day of age."""
_LINEAR: Final = frozenset({"handle_length", "description_length", "account_age_days"})
"""Inputs of small range, seen as they are; other counts as log(1 + x)."""

CHANNELS: Final = (*NAMES, *(f"{above} / {below}" for above, below in _RATIOS))
NEEDS: Final[Sequence[tuple[int, ...]]] = (
    *((place,) for place in range(len(NAMES))),
    *((NAMES.index(above), NAMES.index(below)) for above, below in _RATIOS),
)
"""Inputs, by their place, that each channel is made of."""
_FEWEST_EDGES: Final = 2
_FLAGS: Final = frozenset(one.name for one in INPUTS if one.kind is InputKind.FLAG)


def channels(numbers: Floats) -> Floats:
    """Returns the channels, [rows, channels], of inputs, [rows, inputs] (`inputs.values`); NaN where missing."""
    logs: Mapping[str, Floats] = {name: np.log1p(numbers[:, place]) for place, name in enumerate(NAMES)}
    single = [
        numbers[:, place] if name in _LINEAR or name in _FLAGS else logs[name] for place, name in enumerate(NAMES)
    ]
    ratios = [logs[above] - logs[below] for above, below in _RATIOS]
    return np.stack([*single, *ratios], axis=1)


@dataclass(frozen=True, slots=True)
class ChannelCode:
    """Piecewise-linear code of one channel: a column per bin, how far the value has come through it, from 0 to 1.

    Source: Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning" (arXiv:2203.05556),
    section 3.2, with quantiles as edges. Values beyond the outer edges count as the edge: nothing is extrapolated.
    The last column is the missing sign.
    """

    edges: Floats
    """Rising, two or more."""

    def __post_init__(self) -> None:
        if len(self.edges) < _FEWEST_EDGES or not np.isfinite(self.edges).all() or (np.diff(self.edges) <= 0).any():
            raise ValueError("the edges of a channel are two or more finite, rising numbers")

    @property
    def columns(self) -> int:
        """How many columns the code has."""
        return len(self.edges)

    def encode(self, channel: Floats) -> Floats:
        """Returns the code, [rows, columns], of one channel, [rows]."""
        missing = np.isnan(channel)
        low, high = self.edges[:-1], self.edges[1:]
        steps = np.clip((np.where(missing, low[0], channel)[:, None] - low) / (high - low), 0.0, 1.0)
        return np.column_stack([np.where(missing[:, None], 0.0, steps), missing])


def fitted_codes(found: Floats, *, bins: int) -> tuple[ChannelCode, ...]:
    """Returns a code per channel, its edges at the quantiles of the accounts given, [rows, channels]."""
    made = []
    for name, column in zip(CHANNELS, found.T, strict=True):
        known = column[~np.isnan(column)]
        spread = np.array([0.0, 1.0]) if name in _FLAGS else np.quantile(known, np.linspace(0, 1, bins + 1))
        made.append(ChannelCode(np.unique(spread.astype(np.float32)).astype(np.float64)))
    return tuple(made)


def encoded(found: Floats, codes: Sequence[ChannelCode]) -> Floats:
    """Returns what the network sees, [rows, columns], of channels, [rows, channels]."""
    return np.concatenate([code.encode(column) for code, column in zip(codes, found.T, strict=True)], axis=1)
