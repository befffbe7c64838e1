"""What each input contributed to a logit: Shapley values with "missing" as absence, over fixed orders of the inputs.

The network was trained with inputs hidden, so an account of which only some inputs are known is a question that it
can answer. The worth of a set of inputs is therefore the logit with just these known, and no made-up background
account is needed. Along one order, inputs are revealed one by one and each gets the change in the logit; the mean over
orders is the attribution. Whatever the orders, attributions sum to logit(account) - logit(nothing known).

Sources: Castro, Gomez and Tejada 2009 (sampled orders); Mitchell et al. 2022, "Sampling Permutations for Shapley Value
Estimation" (an order and its reverse); Covert, Lundberg and Lee 2021, "Explaining by Removing" (a model that was
trained to do without an input).
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tidegate.models.account_risk.inputs import NAMES, Floats
from tidegate.models.account_risk.network import NEEDED, Floats32

ORDERS: Final = 16
"""Eight drawn and their reverses."""
_SEED: Final = 20171101
_PATTERNS: Final = 1_024
"""Patterns of missing inputs that are remembered, 2 kB each. Accounts of one platform have few."""


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Which inputs are known at each step along each order; the same for every account."""

    rank: npt.NDArray[np.int64]
    """[orders, inputs]: the step that reveals an input."""
    steps: npt.NDArray[np.int64]
    """[orders, inputs + 1]: which coalition is known at each step along each order."""
    members: npt.NDArray[np.bool_]
    """[coalitions, inputs]: which inputs are in it. Orders meet: each coalition is there once."""
    reached: Floats32
    """[coalitions, channels]: 1 where a channel has all it needs."""
    _alike: dict[bytes, npt.NDArray[np.int64]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def drawn(cls, orders: int = ORDERS) -> "Coalitions":
        """Returns as many orders, an even number, half of them the reverse of the others."""
        draw = np.random.default_rng(_SEED)
        forward = np.array([draw.permutation(len(NAMES)) for _ in range(orders // 2)])
        rank = np.argsort(np.concatenate([forward, forward[:, ::-1]]), axis=1)
        along = rank[:, None, :] < np.arange(len(NAMES) + 1)[:, None]
        members, steps = np.unique(along.reshape(-1, len(NAMES)), axis=0, return_inverse=True)
        lacking = (1.0 - members) @ NEEDED.T
        return cls(rank, steps.reshape(orders, -1), members, (lacking == 0).astype(np.float32))

    def settled(self, logits: Floats, known: npt.NDArray[np.bool_]) -> Floats:
        """Returns the logits, [accounts, coalitions], of one coalition for all that are alike but for missing inputs.

        They are the same question, but matrix products may give rows other last bits by where they lie. What a
        missing input adds is exactly 0 so.

        Args:
            logits: As computed, [accounts, coalitions].
            known: Which inputs of each account are not missing, [accounts, inputs].
        """
        return np.take_along_axis(logits, np.stack([self._first_alike(each) for each in known]), axis=1)

    def _first_alike(self, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        pattern = known.tobytes()
        found = self._alike.get(pattern)
        if found is None:
            _, first, alike = np.unique(self.members & known, axis=0, return_index=True, return_inverse=True)
            found = first[alike.reshape(-1)]
            if len(self._alike) >= _PATTERNS:
                self._alike.clear()
            self._alike[pattern] = found
        return found

    def attributions(self, logits: Floats) -> Floats:
        """Returns what each input adds, [accounts, inputs], by the coalitions' logits, [accounts, coalitions]."""
        added = np.diff(logits[:, self.steps], axis=2)
        return np.asarray(added[:, np.arange(len(self.rank))[:, None], self.rank].sum(axis=1) / len(self.rank))

    def ends(self, logits: Floats) -> tuple[Floats, Floats]:
        """Returns the logits of nothing known and of all known, [accounts] each."""
        return logits[:, self.steps[0, 0]], logits[:, self.steps[0, -1]]
