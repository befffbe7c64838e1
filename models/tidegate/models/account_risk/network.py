"""The network of the account risk model: its weights from a file, and its logits in numpy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tidegate.models.account_risk.channels import CHANNELS, NEEDS, ChannelCode
from tidegate.models.account_risk.inputs import NAMES, Floats

Floats32 = npt.NDArray[np.float32]
"""What the network computes in: half the time of float64, and the same logits to four places (a test holds it)."""

LAYERS: Final = 3
"""Two hidden ones and the logit."""


class AccountRiskUnavailable(RuntimeError):
    """The weights are missing, or are not those that the catalogue names."""


@dataclass(frozen=True, slots=True)
class Network:
    """Members with two hidden layers each; the logit is the mean of theirs.

    Shapes: `weights` are [members, in, out] per layer, `biases` [members, 1, out].
    """

    codes: tuple[ChannelCode, ...]
    """Of each channel, in order."""
    weights: tuple[Floats32, ...]
    """Per layer."""
    biases: tuple[Floats32, ...]
    """Per layer."""
    _columns: npt.NDArray[np.int64] = field(init=False, repr=False)
    """[channels, most columns of one]: a channel's columns, then the place after the last one."""
    _blocks: Floats32 = field(init=False, repr=False)
    """[members, channels, most columns of one, width]: the first layer's weights of these, 0 after the last one."""

    def __post_init__(self) -> None:
        counts = [code.columns for code in self.codes]
        after, ends = sum(counts), np.cumsum(counts)
        places = np.arange(max(counts)) + (ends - counts)[:, None]
        columns = np.where(places < ends[:, None], places, after)
        object.__setattr__(self, "_columns", columns)
        object.__setattr__(self, "_blocks", np.pad(self.weights[0], ((0, 0), (0, 1), (0, 0)))[:, columns])

    def first_sums(self, seen: Floats32) -> Floats32:
        """Returns each channel's share of the first layer's sums.

        Args:
            seen: codes of accounts, [accounts, columns].

        Returns:
            [accounts, members, channels, width].
        """
        by_channel = np.zeros((len(seen), *self._columns.shape), dtype=np.float32)
        np.take(np.column_stack([seen, np.zeros(len(seen), np.float32)]), self._columns, axis=1, out=by_channel)
        return np.asarray((by_channel[:, None, :, None, :] @ self._blocks)[..., 0, :])

    def logits(self, sums: Floats32) -> Floats32:
        """Returns the logits of the first layer's sums, bias included; overwrites the sums.

        Every product is of one account and one member, always with the same shapes: an account's bits don't depend on
        the others. They are also small enough for OpenBLAS to stay on one thread.

        Args:
            sums: [accounts, members, rows, width].

        Returns:
            [accounts, rows].
        """
        found = sums
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            found = np.maximum(found, 0.0, out=found) @ weight
            found += bias
        return np.asarray(found[..., 0].mean(axis=1))


def save_network(
    path: Path, codes: tuple[ChannelCode, ...], weights: tuple[Floats, ...], biases: tuple[Floats, ...]
) -> None:
    """Stores a network: float32 weights and biases by layer, float64 edges end to end."""
    tensors = {
        "edges": np.concatenate([code.edges for code in codes]),
        "edges_per_channel": np.array([len(code.edges) for code in codes], dtype=np.int64),
        **{f"weight_{place}": one.astype(np.float32) for place, one in enumerate(weights)},
        **{f"bias_{place}": one.astype(np.float32) for place, one in enumerate(biases)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(one) for name, one in tensors.items()}, path)
    path.chmod(0o644)


def load_network(path: Path) -> Network:
    """Returns the network in a file. Raises AccountRiskUnavailable if it is missing or of another shape."""
    try:
        tensors = load_file(path)
        network = _network(tensors)
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise AccountRiskUnavailable(f"{path.name} of account_risk can't be read") from error
    if len(network.codes) != len(CHANNELS) or network.weights[0].shape[1] != sum(one.columns for one in network.codes):
        raise AccountRiskUnavailable(f"{path.name} of account_risk was made for other inputs")
    if not all(np.isfinite(one).all() for one in (*network.weights, *network.biases)):
        raise AccountRiskUnavailable(f"{path.name} of account_risk holds numbers that are not finite")
    return network


def _network(tensors: Mapping[str, Floats]) -> Network:
    ends = np.cumsum(tensors["edges_per_channel"])[:-1]
    return Network(
        codes=tuple(ChannelCode(edges) for edges in np.split(tensors["edges"], ends)),
        weights=tuple(tensors[f"weight_{place}"].astype(np.float32) for place in range(LAYERS)),
        biases=tuple(tensors[f"bias_{place}"].astype(np.float32) for place in range(LAYERS)),
    )


NEEDED: Final = np.array([[float(place in needs) for place in range(len(NAMES))] for needs in NEEDS])
"""[channels, inputs]: 1 where a channel is made of an input."""
