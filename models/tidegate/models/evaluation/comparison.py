"""Baselines on the held-out texts, and the nearness of our own sentences to training text: both need the mixture."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate.models.evaluation.assessment import Effort, own_sets
from tidegate.models.evaluation.baselines import frozen_encoder, hashed_ngrams, profanity_check
from tidegate.models.evaluation.nearness import nearness_results
from tidegate.models.training.examples import Example, Split
from tidegate.models.training.mixture import mixture

LEARNING_PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Shares of the training texts for the learning curve. Its model is one that trains in a minute: the network itself
takes an hour for each point. What rises still at the right end would gain from more text of the same kind."""


def comparison(
    data: Path, examples: Sequence[Example], *, effort: Effort, report: Callable[[str], None]
) -> dict[str, Any]:
    """Returns baselines and nearness, ready for JSON. The nearest pairs are counted, not shown: they hold data.

    Args:
        data: the folder that holds one folder per data set.
        examples: the held-out examples that the detector was measured on.
        effort: how much is measured.
        report: receives the name of each step.
    """
    report("reading the mixture")
    training = [one for one in mixture(data, seed=effort.seed) if one.split is Split.TRAIN]
    report(f"nearness of our sentences to {len(training):,} training texts")
    near = nearness_results(own_sets(), [one.text for one in training])
    chance = random.Random(effort.seed)  # noqa: S311 - not a secret
    drawn = chance.sample(training, min(len(training), effort.baseline_training))
    report("baseline: alt-profanity-check")
    baselines = [profanity_check(examples)]
    report("baseline: hashed n-grams")
    baselines.append(hashed_ngrams(drawn, examples, seed=effort.seed))
    report("baseline: frozen encoder")
    baselines.append(frozen_encoder(drawn, examples))
    curve = []
    for part in LEARNING_PARTS:
        drawn = chance.sample(training, int(len(training) * part))
        report(f"learning curve: hashed n-grams on {len(drawn):,} texts")
        curve.append(asdict(hashed_ngrams(drawn, examples, seed=effort.seed)))
    kept = [{key: value for key, value in asdict(one).items() if key != "nearest"} for one in near]
    return {"nearness": kept, "baselines": [asdict(one) for one in baselines], "learning_curve": curve}
