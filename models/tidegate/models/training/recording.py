"""Writes what a detector version consists of: deltas, golden logits, activation ranges, calibration, metrics."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from tidegate.models.training.examples import LABELS
from tidegate.models.training.network import HarmNetwork

GOLDEN_SENTENCES = (
    "I love this song!",
    "Late Night Drive",
    "Greetings from a rainy Tuesday.",
    "You are such a fool.",
    "I really dislike the new album, it is boring.",
    "My neighbour is a gay man and a great cook.",
    "Nobody should hate immigrants.",
    "This homework is killing me.",
    "I do not want to be alive anymore.",
    "Send me a photo of you, babe.",
    "Watch your back, I know where you live.",
    "damn, what a chorus",
    "The quick brown fox jumps over the lazy dog. " * 4,
    "If you are struggling, please call a helpline. You are not alone.",
    "ok",
    "A weekly talk show about history, science and the people behind it.",
)
"""Mild; of one token to about fifty."""


def write_deltas(network: HarmNetwork, path: Path) -> None:
    """Stores the encoder's changes and the head, and rounds the network to what was stored."""
    stored = network.stored()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(stored, path)
    path.chmod(0o644)
    network.load_stored(stored)


def write_golden(network: HarmNetwork, ids: Sequence[list[int]], path: Path) -> None:
    """Stores the trained network's logits of the golden sentences."""
    sentences = []
    with torch.no_grad():
        for text, one in zip(GOLDEN_SENTENCES, ids, strict=True):
            tokens = torch.tensor([one])
            logits = network(tokens, torch.ones_like(tokens))[0, : len(LABELS)]
            sentences.append({"text": text, "input_ids": one, "logits": [round(float(x), 6) for x in logits]})
    write_json(path, {"labels": list(LABELS), "sentences": sentences})


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Stores a document, readable and with a stable order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Returns the logistic function, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))
