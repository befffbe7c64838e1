"""What each input contributed to a logit: Shapley values with "missing" as absence, over fixed orders of the inputs.

The network was trained with inputs hidden, so an account of which only some inputs are known is a question that it
can answer. The worth of a set of inputs is therefore the logit with just these known, and no made-up background
account is needed. Along one order, inputs are revealed one by one and each gets the change in the logit; the mean over
orders is the attribution. Whatever the orders, attributions sum to logit(account) - logit(nothing known).

Sources: Castro, Gomez and Tejada 2009 (sampled orders); Mitchell et al. 2022, "Sampling Permutations for Shapley Value
Estimation" (an order and its reverse); Covert, Lundberg and Lee 2021, "Explaining by Removing" (a model that was
trained to do without an input).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tidegate.models.account_risk.inputs import NAMES, Floats
from tidegate.models.account_risk.network import NEEDED

ORDERS: Final = 16
"""Eight drawn and their reverses."""
_SEED: Final = 20171101
_TILE: Final = 32
"""Rows come in multiples of it. Matrix products go by tiles; rows of a last, smaller one would get other last bits, and
what a missing input adds would not be exactly 0."""


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Which inputs are known at each step along each order; the same for every account."""

    rank: npt.NDArray[np.int64]
    """[orders, inputs]: the step that reveals an input."""
    steps: npt.NDArray[np.int64]
    """[orders, inputs + 1]: which row of `reached` is known at each step along each order."""
    reached: Floats
    """[coalitions, channels]: 1 where a channel has all it needs. Orders meet: each coalition is there once."""

    @classmethod
    def drawn(cls, orders: int = ORDERS) -> "Coalitions":
        """Returns as many orders, an even number, half of them the reverse of the others."""
        draw = np.random.default_rng(_SEED)
        forward = np.array([draw.permutation(len(NAMES)) for _ in range(orders // 2)])
        rank = np.argsort(np.concatenate([forward, forward[:, ::-1]]), axis=1)
        along = rank[:, None, :] < np.arange(len(NAMES) + 1)[:, None]
        known, steps = np.unique(along.reshape(-1, len(NAMES)), axis=0, return_inverse=True)
        lacking = (1.0 - known) @ NEEDED.T
        reached = np.pad((lacking == 0).astype(np.float64), ((0, -len(known) % _TILE), (0, 0)))
        return cls(rank, steps.reshape(orders, -1), reached)

    def attributions(self, logits: Floats) -> Floats:
        """Returns what each input adds, [accounts, inputs], by the logits of `reached`, [accounts, coalitions]."""
        added = np.diff(logits[:, self.steps], axis=2)
        return np.asarray(added[:, np.arange(len(self.rank))[:, None], self.rank].sum(axis=1) / len(self.rank))

    def ends(self, logits: Floats) -> tuple[Floats, Floats]:
        """Returns the logits of nothing known and of all known, [accounts] each."""
        return logits[:, self.steps[0, 0]], logits[:, self.steps[0, -1]]
