"""Shows a share of the training texts with a character evasion, so that the detector learns what one looks like."""

import random
from collections.abc import Sequence
from dataclasses import replace

from tidegate.models.normalisation import normalise
from tidegate.models.training.evasions import Evasion, evade
from tidegate.models.training.examples import Example


def with_evasions(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Returns the examples, a share of them evaded and normalised again; labels stay, since the meaning does.

    Args:
        examples: normalised training examples.
        share: in [0, 1], of the examples to evade.
        seed: of the choice; equal seeds give equal texts.
    """
    chance = random.Random(seed)  # noqa: S311 - not a secret
    kinds = list(Evasion)
    return [
        replace(one, text=normalise(evade(one.text, chance.choice(kinds), chance)) or one.text)
        if chance.random() < share
        else one
        for one in examples
    ]
