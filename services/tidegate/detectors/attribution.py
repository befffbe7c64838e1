"""Which words carry a score: each stretch of the text is left out once, and the text is scored again without it.

Occlusion (Zeiler and Fergus 2014, arXiv:1311.2901) needs no gradients, so it works on the graph as served, int8 and
batched, and says what the calibrated score would have been. It costs one more row per stretch: up to `MOST_STRETCHES`
times the inference of the text itself, asked for only with `explain`, and only where a label reaches `LEAST_SEVERITY`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.moderation.detection import Attribution, DetectorScores, DetectorStatus

MOST_STRETCHES: Final = 48
"""Words of a long text are taken together until there are no more stretches than this."""
LEAST_SEVERITY: Final = 3
"""A label below it is not worth explaining."""
MOST_ATTRIBUTIONS: Final = 8
"""Kept per label, the heaviest first."""

_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a text, [start, end), in characters of the text as sent."""

    start: int
    end: int


def stretches(text: str) -> list[Stretch]:
    """Returns the stretches to leave out, in order; together they hold every word of the text once."""
    words = [match.span() for match in _WORD.finditer(text)]
    size = -(-len(words) // MOST_STRETCHES) or 1
    return [Stretch(words[i][0], words[min(i + size, len(words)) - 1][1]) for i in range(0, len(words), size)]


def without(text: str, stretch: Stretch) -> str:
    """Returns the text less one stretch."""
    return text[: stretch.start] + text[stretch.end :]


def worth_explaining(answer: DetectorScores) -> tuple[str, ...]:
    """Returns the labels to explain, in the answer's order; none unless the detector answered."""
    return tuple(label for label, severity in answer.severities.items() if severity >= LEAST_SEVERITY)


def attributions(
    answer: DetectorScores, cut: Sequence[Stretch], scored: Sequence[DetectorScores | None]
) -> tuple[Attribution, ...]:
    """Returns what each stretch adds to each label that is worth explaining, the heaviest first within a label.

    Args:
        answer: To the whole text.
        cut: The stretches.
        scored: The answer to the text without each stretch, in order; None where nothing was left to score.
    """
    found: list[Attribution] = []
    for label in worth_explaining(answer):
        whole = answer.scores[label]
        weights = [
            Attribution(label, stretch.start, stretch.end, whole - (one.scores[label] if one is not None else 0.0))
            for stretch, one in zip(cut, scored, strict=True)
        ]
        weights.sort(key=lambda one: (-abs(one.weight), one.start))
        found.extend(weights[:MOST_ATTRIBUTIONS])
    return tuple(found)


async def explained(
    answer: DetectorScores, text: str, score: Callable[[Sequence[str]], Awaitable[Mapping[str, DetectorScores]]]
) -> DetectorScores:
    """Returns the answer with its attributions; as it is if nothing is worth explaining or a scoring fails.

    Args:
        answer: To the whole text.
        text: As sent.
        score: Scores texts with the same detector; outages are data.
    """
    if not worth_explaining(answer):
        return answer
    cut = stretches(text)
    rest = [without(text, stretch) for stretch in cut]
    found = await score([one for one in dict.fromkeys(rest) if one.strip()])
    if any(one.status is not DetectorStatus.OK for one in found.values()):
        return answer  # late or broken: the decision stands, its explanation is poorer
    return replace(answer, attributions=attributions(answer, cut, [found.get(one) for one in rest]))
