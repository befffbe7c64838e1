"""Everything that is measured of one version of `text_harm`, as one document: what bench, card and page are made of.

The document holds numbers and our own sentences only, no text of a data set.
"""

import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from tidegate.detectors.language import FastTextLanguages
from tidegate.models.catalogue import DetectorSpec, catalogue
from tidegate.models.evaluation import sets
from tidegate.models.evaluation.bias import bias_results
from tidegate.models.evaluation.cost import costs, text_to_score_ms
from tidegate.models.evaluation.functional import functional_result
from tidegate.models.evaluation.held_out import ANY_HARM, PER_SOURCE, held_out
from tidegate.models.evaluation.languages import kept_away, language_results
from tidegate.models.evaluation.measures import Probabilities
from tidegate.models.evaluation.policy_outcomes import policy_result
from tidegate.models.evaluation.quality import POOLED, JudgedTexts, by_label
from tidegate.models.evaluation.robustness import mean_drop, robustness_results
from tidegate.models.evaluation.served import ServedDetector
from tidegate.models.serving_profile import Precision
from tidegate.models.training.examples import LABELS, Example
from tidegate.moderation.item import Surface

Progress = Callable[[str], None]

_FEW: Final = 500
"""Positives of a label up to which all of them are compared."""

_TIMED: Final = 60
"""Held-out texts whose way from characters to scores is timed."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. The defaults take about ten minutes on two cores."""

    seed: int = 7
    """Of every draw."""
    per_source: int = PER_SOURCE
    """Most held-out texts of a source."""
    compared: int = 6_000
    """Held-out texts on which int8 and fp32 are compared."""
    evaded_per_label: int = 200
    """Most positives of a label for robustness."""
    per_language: int = 1_000
    """Most texts of a language other than English."""
    baseline_training: int = 12_000
    """Texts that baselines are trained on."""
    timing_rounds: int = 60
    """Calls of each length, batch and precision."""
    threads: int = 2
    """Of the runtime, except where time is measured."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was measured."""

    document: dict[str, Any]
    """All numbers, ready for JSON."""
    scores: tuple[list[Example], Probabilities]
    """The held-out examples and their scores: the raw samples behind the quality tables."""


SMALL: Final = Effort(
    per_source=150,
    compared=300,
    evaded_per_label=20,
    per_language=60,
    baseline_training=1_500,
    timing_rounds=5,
    threads=1,
)
"""To try out the whole way in a few minutes; its numbers mean little."""


def assess(spec: DetectorSpec, data: Path, *, cache: Path, effort: Effort, report: Progress) -> Assessment:
    """Measures one version of `text_harm`.

    Args:
        spec: the version.
        data: the folder that holds one folder per data set.
        cache: folder of built graphs.
        effort: how much is measured.
        report: receives the name of each step.

    Raises:
        DataMissingError: a data set is missing.
    """
    began = time.monotonic()
    report("reading held-out texts")
    examples = held_out(data, seed=effort.seed, per_source=effort.per_source)
    detector = ServedDetector(spec, cache=cache, threads=effort.threads, report=report)
    report(f"scoring {len(examples):,} held-out texts")
    scored = detector.probabilities([one.text for one in examples])
    judged = JudgedTexts(examples, scored)
    report("functional classes, identity terms")
    functional, bias = functional_result(detector.probabilities), bias_results(detector.probabilities)
    report("policies on look-alike prompts and titles")
    prompts, titles = detector.scores(sets.lookalike_prompts()), detector.scores(sets.invented_titles())
    outcomes = [
        policy_result("look-alike prompts", prompts, Surface.COMMENT),
        policy_result("invented titles", titles, Surface.COMMENT),
        policy_result("invented titles", titles, Surface.PLAYLIST),
    ]
    report("character evasions")
    robustness = robustness_results(
        detector.probabilities, examples, seed=effort.seed, per_label=effort.evaded_per_label
    )
    report("other languages")
    identify = FastTextLanguages(catalogue()["text_language"]).identify
    languages = language_results(
        detector.probabilities, lambda text: identify(text).code, data, limit=effort.per_language
    )
    english = kept_away([one.text for one in examples], lambda text: identify(text).code)
    report("int8 against fp32")
    precision = _precision_loss(spec, examples, scored, cache=cache, effort=effort)
    report("milliseconds and bytes")
    measured, sizes = costs(spec, cache=cache, runs=effort.timing_rounds)
    every = examples[:: max(1, len(examples) // _TIMED)]
    served = {
        one: text_to_score_ms(ServedDetector(spec, cache=cache, precision=one), [each.text for each in every])
        for one in Precision
    }
    document = {
        "detector": spec.name,
        "version": spec.version,
        "weights_sha256": spec.weights_sha256,
        "effort": asdict(effort),
        "machine": _machine(),
        "held_out_texts": len(examples),
        "quality": [asdict(one) for one in judged.quality()],
        "curves": [asdict(one) for one in judged.curves()],
        "functional": asdict(functional),
        "bias": [asdict(one) for one in bias],
        "policy": [asdict(one) for one in outcomes],
        "robustness": {"mean_drop": round(mean_drop(robustness), 4), "results": [asdict(one) for one in robustness]},
        "languages": [asdict(one) for one in languages],
        "english_kept_away": english,
        "precision": precision,
        "cost": [asdict(one) for one in measured],
        "size": [asdict(one) for one in sizes],
        "text_to_score_ms": served,
        "took_s": round(time.monotonic() - began),
    }
    return Assessment(document, (examples, scored))


def own_sets() -> dict[str, Sequence[str]]:
    """Returns every sentence written for evaluation, by set; templates with one term in place."""
    return {
        "functional classes": [text for one in sets.functional_classes() for text in one.texts],
        "identity templates": [text.format(term="Black") for text in sets.identity_templates()],
        "look-alike prompts": sets.lookalike_prompts(),
        "invented titles": sets.invented_titles(),
    }


def _compared(examples: Sequence[Example], effort: Effort) -> list[int]:
    """Rows to compare: a draw, and every positive of a label that has few, which a draw alone would hardly hold."""
    chance = random.Random(effort.seed)  # noqa: S311 - not a secret
    rows = set(chance.sample(range(len(examples)), min(len(examples), effort.compared)))
    for column in range(len(LABELS)):
        positives = [row for row, one in enumerate(examples) if one.targets[column] == 1.0]
        if len(positives) <= _FEW:
            rows.update(positives)
    return sorted(rows)


def _precision_loss(
    spec: DetectorSpec, examples: Sequence[Example], int8: Probabilities, *, cache: Path, effort: Effort
) -> dict[str, Any]:
    rows = _compared(examples, effort)
    part = [examples[row] for row in rows]
    full = ServedDetector(spec, cache=cache, precision=Precision.FP32, threads=effort.threads)
    fp32 = full.probabilities([one.text for one in part])
    found = {
        name: by_label(JudgedTexts(part, scores).quality(), POOLED)
        for name, scores in (("fp32", fp32), ("int8", int8[rows]))
    }
    losses = {}
    for label in (*LABELS, ANY_HARM):
        both = found["fp32"][label].auprc, found["int8"][label].auprc
        losses[label] = {
            "fp32": both[0],
            "int8": both[1],
            "loss": None if both[0] is None or both[1] is None else round(both[0] - both[1], 4),
        }
    return {"texts": len(rows), "largest_difference": round(float(np.abs(fp32 - int8[rows]).max()), 4), "auprc": losses}


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
