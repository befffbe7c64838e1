"""Trains `text_harm`, or finishes a version from trained weights: quantises, calibrates and measures it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from tidegate.models.encoder import MINILM
from tidegate.models.export.graph import build_graph, load_deltas
from tidegate.models.export.quantisation import quantised, record_ranges
from tidegate.models.normalisation import NORMALISATION_VERSION, normalise
from tidegate.models.packaged import sha256_of
from tidegate.models.training.batches import token_ids
from tidegate.models.training.calibrating import calibrated
from tidegate.models.training.evaluating import behaviour, behaviour_texts, false_alarms, held_out_quality
from tidegate.models.training.examples import HEADS, LABELS, Example, Split
from tidegate.models.training.fitting import FitSettings, fit, mean_shares
from tidegate.models.training.mixture import mixture
from tidegate.models.training.network import HarmNetwork
from tidegate.models.training.recording import GOLDEN_SENTENCES, sigmoid, write_deltas, write_golden, write_json
from tidegate.models.training.scoring import Scorer

_MAX_TOKENS: Final = 128
_RANGE_TEXTS: Final = 1_500
_TEST_TEXTS_PER_SOURCE: Final = 4_000


def train(data: Path, out: Path, *, settings: FitSettings, work: Path, report: Callable[[str], None]) -> None:
    """Fits the network and writes everything of a version.

    Args:
        data: the folder that holds one folder per source.
        out: the version's folder.
        settings: of the fit.
        work: for the checkpoint; an interrupted run resumes from it.
        report: receives progress lines.
    """
    MINILM.verify()
    report("reading sources")
    examples = mixture(data, seed=settings.seed)
    network = fit(MINILM, examples, settings, checkpoint=work / "checkpoint.pt", report=report)
    finish(network, examples, out, settings=settings, report=report)


def finish(
    network: HarmNetwork,
    examples: Sequence[Example],
    out: Path,
    *,
    settings: FitSettings,
    report: Callable[[str], None],
) -> None:
    """Writes deltas, golden logits, ranges, calibration and metrics; all numbers are of the int8 graph, as served."""
    weights = out / "deltas.safetensors"
    write_deltas(network, weights)
    write_golden(
        network, token_ids(MINILM, list(map(normalise, GOLDEN_SENTENCES)), max_tokens=_MAX_TOKENS), out / "golden.json"
    )
    model = build_graph(MINILM, load_deltas(weights), labels=LABELS, name="text_harm")
    report("recording activation ranges")
    ranges = record_ranges(model, _range_feeds(examples, settings.seed))
    write_json(out / "activation_ranges.json", {"texts": _RANGE_TEXTS, "ranges": ranges})
    scorer = Scorer(quantised(model, ranges), threads=settings.threads)
    report("calibrating")
    validation = [one for one in examples if one.split is Split.VALIDATION]
    labels = calibrated(scorer.logits(_ids([one.text for one in validation])), validation, mean_shares())
    write_json(out / "calibration.json", {"method": "platt", "labels": labels})
    report("measuring")
    test = _test_part(examples, settings.seed)

    def probabilities(texts: Sequence[str]) -> np.ndarray:
        logits = scorer.logits(_ids(texts)).astype(np.float64)
        slope = np.array([labels[label]["slope"] for label in LABELS])
        intercept = np.array([labels[label]["intercept"] for label in LABELS])
        return sigmoid(logits * slope + intercept)

    scored = probabilities([one.text for one in test])
    write_json(
        out / "metrics.json",
        {
            "command": "python -m tidegate.models.training text_harm --data ../shared/data",
            "settings": asdict(settings),
            "normalisation": NORMALISATION_VERSION,
            "weights_sha256": sha256_of(weights),
            "examples": {split: sum(one.split is split for one in examples) for split in Split},
            "positives_in_training": {
                head: sum(one.targets[i] == 1 for one in examples if one.split is Split.TRAIN)
                for i, head in enumerate(HEADS)
            },
            "held_out": held_out_quality(scored, test),
            "false_alarms_at_severity_4": false_alarms(scored, test),
            "behaviour": behaviour(probabilities(list(map(normalise, behaviour_texts())))),
        },
    )
    report(f"weights {sha256_of(weights)}, {weights.stat().st_size / 1e6:.1f} MB; name this digest in catalogue.json")


def _ids(texts: Sequence[str]) -> list[list[int]]:
    return token_ids(MINILM, texts, max_tokens=_MAX_TOKENS)


def _range_feeds(examples: Sequence[Example], seed: int) -> list[dict[str, np.ndarray]]:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    training = [one.text for one in examples if one.split is Split.TRAIN]
    feeds = []
    for one in _ids(chance.sample(training, _RANGE_TEXTS)):
        tokens = np.array([one], dtype=np.int64)
        feeds.append({"input_ids": tokens, "attention_mask": np.ones_like(tokens)})
    return feeds


def _test_part(examples: Sequence[Example], seed: int) -> list[Example]:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    kept: list[Example] = []
    for source in sorted({one.source for one in examples}):
        members = [one for one in examples if one.source == source and one.split is Split.TEST]
        kept.extend(chance.sample(members, min(len(members), _TEST_TEXTS_PER_SOURCE)))
    return kept
