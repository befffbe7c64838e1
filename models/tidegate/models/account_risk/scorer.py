"""Scores accounts: how likely each is automated, and what says so. Numpy alone; no torch, no ONNX Runtime.

Stands beside a request's path: the feature platform calls it when an account's profile changes and stores the score
as a feature. Accounts are scored a few at a time, but each by products of its own, always of the same shapes, so a
score does not depend on its neighbours in a batch and is the same again on replay.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tidegate.models.account_risk.attribution import Coalitions
from tidegate.models.account_risk.channels import CHANNELS, channels, encoded
from tidegate.models.account_risk.inputs import NAMES, AccountInputs, Floats, values
from tidegate.models.account_risk.network import AccountRiskUnavailable, Floats32, Network, load_network
from tidegate.models.catalogue import Calibration, DetectorSpec
from tidegate.models.packaged import sha256_of

DETECTOR: Final = "account_risk"
LABEL: Final = "automated"
_AT_ONCE: Final = 8
"""Accounts scored together: what lies between the layers, 57 kB each, stays in a core's cache."""


@dataclass(frozen=True, slots=True)
class RiskScore:
    """What the model says of one account."""

    probability: float
    """That it is automated, calibrated, from 0 to 1."""
    logit: float
    """The same as log-odds, calibrated."""
    base_logit: float
    """The logit of an account of which nothing is known."""
    attributions: Mapping[str, float]
    """What each input adds to `base_logit`; they sum to `logit` (within 1e-9). 0 for a missing input."""
    known_inputs: int
    """How many of the inputs were not missing. At 0 the score is `base_logit`, which says nothing of the account."""

    def raising(self, most: int) -> tuple[str, ...]:
        """Returns up to so many inputs that raise the score, strongest first."""
        falling = sorted([(-share, name) for name, share in self.attributions.items() if share > 0.0])
        return tuple(name for _, name in falling[:most])


class AccountRiskModel:
    """The account risk model. Safe to call from several threads; the same account scores the same."""

    def __init__(self, network: Network, calibration: Calibration) -> None:
        """Prepares the parts of the sums that are the same for all accounts.

        Args:
            network: the weights.
            calibration: from the network's logit to log-odds.
        """
        self._network = network
        self._calibration = calibration
        self._coalitions = Coalitions.drawn()
        nothing = encoded(np.full((1, len(CHANNELS)), np.nan), network.codes).astype(np.float32)
        self._nothing = network.first_sums(nothing)
        self._nothing_sum = self._nothing.sum(axis=2, keepdims=True) + network.biases[0]

    @classmethod
    def load(cls, spec: DetectorSpec) -> "AccountRiskModel":
        """Returns the model of a catalogue entry.

        Raises:
            AccountRiskUnavailable: the entry is another detector's, or the weights are missing or have another digest.
        """
        if spec.name != DETECTOR:
            raise AccountRiskUnavailable(f"{spec.name} is no account risk model")
        path = spec.weights_path()
        if not path.is_file() or sha256_of(path) != spec.weights_sha256:
            raise AccountRiskUnavailable(f"the weights of {spec.name} {spec.version} are not those of the catalogue")
        return cls(load_network(path), spec.calibrations[LABEL])

    def score(self, rows: Sequence[AccountInputs]) -> Sequence[RiskScore]:
        """Returns a score per account, in order.

        Raises:
            AccountInputError: an input is not of its kind, negative, not finite or beyond what it may be.
        """
        numbers = values(rows)
        if not len(numbers):
            return ()
        seen = encoded(channels(numbers), self._network.codes).astype(np.float32)
        known = ~np.isnan(numbers)
        scores: list[RiskScore] = []
        for start in range(0, len(seen), _AT_ONCE):
            together = slice(start, start + _AT_ONCE)
            logits = self._coalitions.settled(self._logits(seen[together]), known[together])
            scores += self._told(logits, known[together].sum(axis=1))
        return tuple(scores)

    def _logits(self, seen: Floats32) -> Floats:
        """Calibrated logits of each coalition of inputs, [accounts, coalitions], of codes, [accounts, columns]."""
        sums = self._coalitions.reached @ (self._network.first_sums(seen) - self._nothing)
        sums += self._nothing_sum
        return self._calibration.slope * self._network.logits(sums).astype(np.float64) + self._calibration.intercept

    def _told(self, logits: Floats, known: npt.NDArray[np.int64]) -> Iterator[RiskScore]:
        shares = self._coalitions.attributions(logits).tolist()
        bases, wholes = (ends.tolist() for ends in self._coalitions.ends(logits))
        for logit, base_logit, added, count in zip(wholes, bases, shares, known.tolist(), strict=True):
            yield RiskScore(
                probability=0.5 * (1.0 + math.tanh(0.5 * logit)),
                logit=logit,
                base_logit=base_logit,
                attributions=MappingProxyType(dict(zip(NAMES, added, strict=True))),
                known_inputs=count,
            )
