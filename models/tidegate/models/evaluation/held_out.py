"""The texts that quality is measured on: what training holds out, as people wrote it.

Texts of the mixture's test part, which wins over training, whichever source repeats a text. They are not normalised:
the serving path does that itself, with the version that each detector was trained with.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from tidegate.models.normalisation import normalise
from tidegate.models.training.examples import HEADS, LABELS, Example, Split
from tidegate.models.training.lexicon import profane_words
from tidegate.models.training.sources.catalogue import SOURCES
from tidegate.models.training.written import SOURCE as WRITTEN
from tidegate.models.training.written import written

NEVER_TRAINED_ON: Final = frozenset({"davidson", "awesome_podcasts"})
"""Sources that training sees nothing of. The others are held-out parts of sources that it sees, and flatter."""
OUR_OWN: Final = frozenset({WRITTEN})
"""Held-out lines of our own corpus: shown, and left out of totals, since training sees their siblings."""
HARMS: Final = tuple(label for label in LABELS if label != "profanity")
"""Labels that count as harm; profanity is a matter of taste."""
ANY_HARM: Final = "any_harm"
"""The highest of the harms, as a label of its own."""
PER_SOURCE: Final = 4_000
"""Texts of one source at most, drawn at random."""

_TOXIC: Final = HEADS.index("toxic")


class DataMissingError(FileNotFoundError):
    """A data set is not where it should be; the message says which and where."""


def held_out(
    data: Path, *, seed: int, per_source: int = PER_SOURCE, report: Callable[[str], None] = lambda _: None
) -> list[Example]:
    """Returns held-out examples, texts as written, by source; equal seeds draw equal ones.

    Args:
        data: the folder that holds one folder per source.
        seed: of the draw.
        per_source: most examples of one source.
        report: receives the name of each source when it is read.

    Raises:
        DataMissingError: the folder or a source's files are missing.
    """
    if not data.is_dir():
        raise DataMissingError(f"there is no folder {data}; it should hold one folder per data set")
    by_source: dict[str, dict[str, Example]] = {}
    for example in _test_examples(data, seed, report):
        by_source.setdefault(example.source, {}).setdefault(_key(example.text), example)
    taken = {""}
    found = []
    for name, members in by_source.items():
        chance = random.Random(f"{seed}|{name}")  # noqa: S311 - not a secret
        drawn = list(members.values())
        chance.shuffle(drawn)
        found += list(islice(_new(drawn, taken), per_source))
    return found


def _new(drawn: Iterable[Example], taken: set[str]) -> Iterator[Example]:
    """Those whose normalised text no earlier one had. Normalising is dear, so only what is drawn pays for it."""
    for example in drawn:
        key = _key(normalise(example.text))
        if key not in taken:
            taken.add(key)
            yield example


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def any_harm(example: Example) -> float:
    """Returns 1 if a harm was judged present, 0 if the text was judged free of all or not toxic, else -1 (unknown)."""
    judged = example.targets[: len(HARMS)]
    if 1.0 in judged:
        return 1.0
    return 0.0 if example.targets[_TOXIC] == 0.0 or set(judged) == {0.0} else -1.0


def _test_examples(data: Path, seed: int, report: Callable[[str], None]) -> Iterator[Example]:
    name = "surge_profanity"
    try:
        profane = profane_words(data)
        for source in SOURCES:
            name = source.name
            report(name)
            yield from (one for one in source.read(data, profane) if one.split is Split.TEST)
        name = WRITTEN
        report(name)
        yield from (one for one in written(data, profane, seed=seed) if one.split is Split.TEST)
    except FileNotFoundError as error:
        raise DataMissingError(f"the data set {name} is not complete in {data}: {error.filename} is missing") from error
