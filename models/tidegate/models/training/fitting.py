"""Fits the network to the mixture, with a checkpoint that an interrupted run resumes from."""

import hashlib
import json
import math
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.models.encoder import EncoderOrigin
from tidegate.models.training.augmentation import with_evasions
from tidegate.models.training.batches import Batch, epoch, token_ids
from tidegate.models.training.examples import HEADS, Example, Split
from tidegate.models.training.network import HarmNetwork

_Schedule = torch.optim.lr_scheduler.LRScheduler
_State = dict[str, Tensor]

_HAS_BFLOAT16: Final = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16"))
"""Whether the CPU multiplies bfloat16: 1.5 times the speed of float32 there, many times slower where it is emulated."""

_HEAD_WEIGHTS: Final = {
    "hate": 1.0,
    "harassment": 1.0,
    "threat": 2.0,
    "sexual": 2.0,
    "self_harm": 2.0,
    "profanity": 0.5,
    "toxic": 0.5,
}


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training over one mixture, with a learning rate schedule of its own."""

    epochs: float
    """Passes over the mixture, if not stopped before."""
    encoder_rate: float
    """Peak learning rate of the encoder."""
    head_rate: float
    """Peak learning rate of the head."""
    repeats: Mapping[str, int]
    """How often a pass shows an example that is positive for a rare label; 1 where not named."""
    shares: Mapping[str, float]
    """How many times a pass shows a source's examples; may be below 1. 1 where not named."""
    stop_at_step: int | None = None
    """Ends the phase before its schedule does."""


_REPEATS: Final = {"self_harm": 3, "threat": 3, "sexual": 2}
_SHARES: Final = {
    "written": 3.5,
    "templates": 0.8,
    "dynahate": 2.2,
    "hatemoji": 1.5,
    "toxigen": 0.8,
    "sbic": 0.8,
    "edos": 0.55,
    "paradetox": 0.22,
    "toxic_spans": 0.3,
    "context_toxicity": 0.4,
    "red_instruct": 0.55,
    "convabuse": 1.2,
    "ailuminate": 2.0,
}
"""Sources weigh by what they add: adversarial and implicit hate and the written corpus more, the large sets that repeat
one kind of insult less."""

PHASES: Final = (
    Phase(epochs=1.2, encoder_rate=1.2e-4, head_rate=1e-3, repeats=_REPEATS, shares=_SHARES),
    Phase(epochs=0.6, encoder_rate=9e-5, head_rate=5e-4, repeats=_REPEATS, shares=_SHARES),
    Phase(epochs=0.6, encoder_rate=9e-5, head_rate=5e-4, repeats=_REPEATS, shares=_SHARES),
)
"""Each phase anneals its rate to nothing and shows other evasions; what the last ones end with is averaged
(`AVERAGED`)."""

AVERAGED: Final = 2
"""How many phases' ends the fitted network is the mean of: optima that one run reaches one after the other lie in one
basin, and their mean generalises better than any of them (Izmailov et al. 2018, arXiv:1803.05407)."""


_CHECKPOINT: Final = 2
"""Of what a checkpoint holds; since 2 the random generator's state, without which a resumed run drops out otherwise."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What a run is determined by, with the data."""

    seed: int = 7
    layers: int = 5
    """Of the encoder, from the bottom. The sixth costs a fifth more time for every text."""
    head_width: int = 192
    max_tokens: int = 128
    tokens_per_batch: int = 2048
    evaded: float = 0.15
    """Share of the examples that are shown with a character evasion instead of as they are."""
    checkpoint_every: int = 100
    threads: int = 2


def mean_shares() -> dict[str, float]:
    """Returns how much each source weighs in training as a whole; 1 where not named."""
    sources = {source for phase in PHASES for source in phase.shares}
    epochs = sum(phase.epochs for phase in PHASES)
    return {
        source: sum(phase.epochs * phase.shares.get(source, 1.0) for phase in PHASES) / epochs for source in sources
    }


def fit(
    origin: EncoderOrigin,
    examples: Sequence[Example],
    settings: FitSettings,
    *,
    checkpoint: Path,
    report: Callable[[str], None],
    phases: Sequence[Phase] = PHASES,
) -> HarmNetwork:
    """Returns the fitted network, in evaluation mode.

    Equal examples, settings and phases give equal bits on the same kind of CPU, interrupted or not.

    Args:
        origin: the encoder to start from.
        examples: the whole mixture; only its training part is used.
        settings: of the run; a checkpoint of other settings is ignored.
        checkpoint: where the run saves its state, and resumes from; what a phase ended with lies beside it.
        report: receives progress lines.
        phases: of the run, in order.
    """
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    plain = [one for one in examples if one.split is Split.TRAIN]
    network = HarmNetwork(origin, outputs=len(HEADS), layers=settings.layers, head_width=settings.head_width)
    run = _Run(network, settings, phases, checkpoint, report)
    ends: list[_State] = []
    for number, phase in enumerate(phases):
        training = with_evasions(plain, settings.evaded, settings.seed + number)
        ids = token_ids(origin, [example.text for example in training], max_tokens=settings.max_tokens)
        run.phase(number, phase, training, ids)
        ends.append(run.ended(number))
    network.load_state_dict(mean(ends[-AVERAGED:]))
    return network.eval()


class _Run:
    """The state that a checkpoint holds."""

    def __init__(
        self,
        network: HarmNetwork,
        settings: FitSettings,
        phases: Sequence[Phase],
        checkpoint: Path,
        report: Callable[[str], None],
    ) -> None:
        self._network, self._settings, self._checkpoint, self._report = network, settings, checkpoint, report
        self._phases, self._fingerprint = len(phases), _fingerprint(settings, phases)
        self._head = [*network.hidden.parameters(), *network.logits.parameters()]
        self._encoder = list(network.layers.parameters())
        self._reached = -1

    def phase(self, number: int, phase: Phase, training: Sequence[Example], ids: Sequence[list[int]]) -> None:
        """Runs one phase, or what is left of it; a phase that a checkpoint has behind it is skipped."""
        batches = _batches(training, ids, phase, self._settings, number)
        total = min(len(batches), phase.stop_at_step or len(batches))
        rates = [phase.encoder_rate, phase.head_rate]
        optimiser = torch.optim.AdamW(
            [{"params": self._encoder, "lr": rates[0]}, {"params": self._head, "lr": rates[1]}],
            weight_decay=0.0,  # it would pull the encoder towards zero, not towards where it started
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=len(batches) + 1, pct_start=0.06)
        first = self._resume(number, optimiser, schedule)
        if first <= total:
            self._reached = number
        self._report(f"phase {number + 1}/{self._phases}: {total:,} steps, from step {min(first, total):,}")
        self._network.train()
        began, running = time.monotonic(), math.nan
        for step in range(first, total):
            with torch.autocast("cpu", torch.bfloat16, enabled=_HAS_BFLOAT16):
                logits = self._network(batches[step].ids, batches[step].mask)
            loss = masked_loss(logits.float(), batches[step].targets)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*self._encoder, *self._head], 1.0)
            optimiser.step()
            schedule.step()
            running = loss.item() if math.isnan(running) else 0.98 * running + 0.02 * loss.item()
            if (step + 1) % 50 == 0:
                left = (time.monotonic() - began) / (step + 1 - first) * (total - step - 1)
                self._report(f"step {step + 1:,}/{total:,}  loss {running:.4f}  {left / 60:.1f} min left")
            if (step + 1) % self._settings.checkpoint_every == 0 or step + 1 == total:
                self._save(number, step + 1, optimiser, schedule)

    def ended(self, number: int) -> _State:
        """Returns the weights as they were when the phase ended, though a later phase may have gone on since."""
        path = self._checkpoint.with_name(f"phase_{number + 1}_{_digest(self._fingerprint)}.pt")
        if not path.is_file():
            if self._reached != number:
                raise FileNotFoundError(f"{path} is gone, and the checkpoint is past it: delete {self._checkpoint}")
            partial = path.with_suffix(".partial")
            torch.save(self._network.state_dict(), partial)
            partial.replace(path)
        ended: _State = torch.load(path, weights_only=True)
        return ended

    def _save(self, number: int, step: int, optimiser: torch.optim.Optimizer, schedule: _Schedule) -> None:
        state = {
            "settings": self._fingerprint,
            "network": self._network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "generator": torch.get_rng_state(),
            "phase": number,
            "step": step,
        }
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._checkpoint)

    def _resume(self, number: int, optimiser: torch.optim.Optimizer, schedule: _Schedule) -> int:
        if not self._checkpoint.is_file():
            return 0
        state = torch.load(self._checkpoint, weights_only=True)
        if state["settings"] != self._fingerprint or state["phase"] < number:
            return 0
        if state["phase"] > number:
            return sys.maxsize
        self._network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["generator"])  # dropout goes on where it was
        return int(state["step"])


def _fingerprint(settings: FitSettings, phases: Sequence[Phase]) -> str:
    return json.dumps([_CHECKPOINT, asdict(settings), *(asdict(phase) for phase in phases)])


def _digest(fingerprint: str) -> str:
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:12]


def mean(states: Sequence[Mapping[str, Tensor]]) -> _State:
    """Returns the mean of networks of one shape, weight by weight."""
    return {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over what is known, [B, heads] each, weighted by head."""
    weights = torch.tensor([_HEAD_WEIGHTS[head] for head in HEADS])
    known = (targets >= 0).float() * weights
    each = functional.binary_cross_entropy_with_logits(logits, targets.clamp(min=0.0), reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1.0)


def _batches(
    training: Sequence[Example], ids: Sequence[list[int]], phase: Phase, settings: FitSettings, number: int
) -> list[Batch]:
    chance = random.Random(settings.seed + number)  # noqa: S311 - not a secret
    batches: list[Batch] = []
    left = phase.epochs
    while left > 0:
        order: list[int] = []
        for index, example in enumerate(training):
            rare = max(
                (phase.repeats.get(h, 1) for h, t in zip(HEADS, example.targets, strict=True) if t == 1), default=1
            )
            expected = (
                max(rare, phase.shares.get(example.source, 1.0)) if rare > 1 else phase.shares.get(example.source, 1.0)
            )
            expected *= min(1.0, left)
            order.extend([index] * (int(expected) + (chance.random() < expected % 1.0)))
        batches.extend(epoch(ids, training, order, tokens_per_batch=settings.tokens_per_batch, chance=chance))
        left -= 1.0
    return batches
