"""The network: small multilayer perceptrons over the piecewise-linear code, many fitted side by side in one batch.

A fold's members and all folds are one batched product, so that a repeated cross-validation costs minutes, not hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from tidegate.models.account_risk.channels import CHANNELS, NEEDS, ChannelCode, channels, encoded, fitted_codes
from tidegate.models.account_risk.inputs import INPUTS
from tidegate.models.training.accounts.teacher import Lesson

_MEANT: Final = 24
"""Most columns that count in the spread of first weights: of a code, many are zero at a time."""


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """Of the networks and their fit."""

    members: int = 2
    """Networks whose logits are averaged."""
    width: int = 32
    """Units of each of two layers."""
    bins: int = 8
    """Of a channel's code."""
    batch: int = 128
    """Accounts per step."""
    steps: int = 1_000
    """Of AdamW, one cycle of the rate."""
    rate: float = 1e-2
    """Highest learning rate."""
    decay: float = 0.02
    """Weight decay."""
    hidden_rows: float = 0.4
    """Share of rows of which inputs are hidden, each of a row's by a chance drawn evenly from 0 to 0.9."""
    threads: int = 2
    """Of torch."""


@dataclass(frozen=True, slots=True)
class Student:
    """One fitted network: averaged members over one code."""

    codes: tuple[ChannelCode, ...]
    weights: tuple[np.ndarray, ...]
    """Per layer, [members, in, out], float32."""
    biases: tuple[np.ndarray, ...]
    """Per layer, [members, 1, out], float32."""

    def logits(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the logits of inputs, [rows, inputs], by torch."""
        seen = torch.tensor(encoded(channels(numbers), self.codes), dtype=torch.float32)
        found = seen.expand(len(self.weights[0]), *seen.shape)
        weights, biases = ([torch.tensor(one) for one in kind] for kind in (self.weights, self.biases))
        with torch.no_grad():
            found = _forward(found, weights, biases)
        return found.mean(dim=0).numpy().astype(np.float64)


def fitted_students(
    lessons: Sequence[Lesson], real: Sequence[np.ndarray], settings: StudentSettings, *, seed: int
) -> tuple[Student, ...]:
    """Returns one student per lesson.

    Args:
        lessons: of the same or nearly the same size; a row is drawn with the same chance as any other of its lesson.
        real: the accounts of each lesson that exist, [accounts, inputs]; the code's edges are their quantiles.
        settings: of the fit.
        seed: of first weights, order and hidden inputs.
    """
    torch.set_num_threads(settings.threads)
    draw = torch.Generator().manual_seed(seed)
    codes = [fitted_codes(channels(numbers), bins=settings.bins) for numbers in real]
    nets, most = len(lessons) * settings.members, max(sum(code.columns for code in one) for one in codes)
    owner = torch.arange(len(lessons)).repeat_interleave(settings.members)
    rows = min(len(one.votes) for one in lessons)
    seen, gone, column_needs = _padded(lessons, codes, most)
    votes = torch.stack([torch.tensor(one.votes[:rows], dtype=torch.float32) for one in lessons])
    sizes = (most, settings.width, settings.width, 1)
    weights = [
        (torch.randn(nets, above, below, generator=draw) / min(above, _MEANT) ** 0.5).requires_grad_()
        for above, below in pairwise(sizes)
    ]
    biases = [torch.zeros(nets, 1, below, requires_grad=True) for below in sizes[1:]]
    optimiser = torch.optim.AdamW(
        [{"params": weights, "weight_decay": settings.decay}, {"params": biases, "weight_decay": 0.0}], lr=settings.rate
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps, pct_start=0.15)
    for _ in range(settings.steps):
        drawn = torch.randint(rows, (nets, settings.batch), generator=draw)
        batch = _with_hidden(seen[owner[:, None], drawn], gone[owner], column_needs[owner], settings, draw)
        said = _forward(batch, weights, biases)
        loss = functional.binary_cross_entropy_with_logits(said, votes[owner[:, None], drawn], reduction="none")
        optimiser.zero_grad(set_to_none=True)
        loss.mean(dim=1).sum().backward()
        optimiser.step()
        cycle.step()
    return tuple(_student(one, codes[one], weights, biases, members=settings.members) for one in range(len(lessons)))


def _forward(seen: torch.Tensor, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor]) -> torch.Tensor:
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        seen = functional.relu(torch.baddbmm(bias, seen, weight))
    return torch.baddbmm(biases[-1], seen, weights[-1])[..., 0]


def _padded(
    lessons: Sequence[Lesson], codes: Sequence[tuple[ChannelCode, ...]], most: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What each lesson's rows look like, [lessons, rows, columns]; a row with nothing known; inputs of each column."""
    rows = min(len(one.votes) for one in lessons)
    seen, gone = torch.zeros(len(lessons), rows, most), torch.zeros(len(lessons), 1, most)
    column_needs = torch.zeros(len(lessons), len(INPUTS), most)
    nothing = np.full((1, len(CHANNELS)), np.nan)
    for place, (lesson, code) in enumerate(zip(lessons, codes, strict=True)):
        columns = sum(one.columns for one in code)
        seen[place, :, :columns] = torch.tensor(encoded(channels(lesson.numbers[:rows]), code))
        gone[place, :, :columns] = torch.tensor(encoded(nothing, code))
        owners = [needs for needs, one in zip(NEEDS, code, strict=True) for _ in range(one.columns)]
        for column, needs in enumerate(owners):
            column_needs[place, list(needs), column] = 1.0
    return seen, gone, column_needs


def _with_hidden(
    batch: torch.Tensor,
    gone: torch.Tensor,
    column_needs: torch.Tensor,
    settings: StudentSettings,
    draw: torch.Generator,
) -> torch.Tensor:
    nets, rows, _ = batch.shape
    some = max(1, int(rows * settings.hidden_rows))
    chance = torch.rand(nets, some, 1, generator=draw) * 0.9
    hidden = (torch.rand(nets, some, len(INPUTS), generator=draw) < chance).float()
    batch[:, :some] = torch.where(torch.bmm(hidden, column_needs) > 0, gone, batch[:, :some])
    return batch


def _student(
    place: int,
    codes: tuple[ChannelCode, ...],
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor],
    *,
    members: int,
) -> Student:
    mine, columns = slice(place * members, (place + 1) * members), sum(one.columns for one in codes)
    kept = [one.detach()[mine].numpy().copy() for one in weights]
    kept[0] = np.ascontiguousarray(kept[0][:, :columns])
    return Student(codes, tuple(kept), tuple(one.detach()[mine].numpy().copy() for one in biases))
