"""Turns examples into batches of about equal token counts, so that padding is hardly paid."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from tidegate.models.encoder import EncoderOrigin
from tidegate.models.training.examples import Example


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded token ids and mask [B, T], and targets [B, heads] where UNKNOWN is below zero."""

    ids: Tensor
    mask: Tensor
    targets: Tensor


def token_ids(origin: EncoderOrigin, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Returns each text's token ids, cut to `max_tokens` (serving windows instead; see `detectors.tokenisation`)."""
    tokenizer = Tokenizer.from_file(str(origin.tokenizer_path()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens)
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def epoch(
    ids: Sequence[list[int]],
    examples: Sequence[Example],
    order: Sequence[int],
    *,
    tokens_per_batch: int,
    chance: random.Random,
) -> list[Batch]:
    """Returns the batches of one pass over `order`, each of texts of similar length, themselves shuffled."""
    jittered = sorted(order, key=lambda i: len(ids[i]) + chance.uniform(-2, 2))
    batches: list[list[int]] = [[]]
    for index in jittered:
        longest = max(len(ids[index]), *(len(ids[i]) for i in batches[-1])) if batches[-1] else len(ids[index])
        if batches[-1] and longest * (len(batches[-1]) + 1) > tokens_per_batch:
            batches.append([])
        batches[-1].append(index)
    chance.shuffle(batches)
    return [padded([ids[i] for i in batch], [examples[i].targets for i in batch]) for batch in batches]


def padded(ids: Sequence[list[int]], targets: Sequence[tuple[float, ...]]) -> Batch:
    """Pads one batch."""
    longest = max(map(len, ids))
    tokens = torch.zeros(len(ids), longest, dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for row, one in enumerate(ids):
        tokens[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    return Batch(tokens, mask, torch.tensor(targets, dtype=torch.float32))


def in_length_order(ids: Sequence[list[int]], *, size: int) -> Iterator[list[int]]:
    """Yields groups of indices by falling length, for scoring."""
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    for start in range(0, len(order), size):
        yield order[start : start + size]
