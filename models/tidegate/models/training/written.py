"""Examples written by hand for this project: `corpus/*.txt`, sections with marks, one text per line.

Public sets hold few threats, sexual texts, self-harm and long forms, and leave counter-speech, negation, positive
identity and homonyms to chance. Slots in braces are filled from `words` and, for slurs, from the lexicon in the data
folder, which is never committed. Every eighth line is held out, before slots are filled.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tidegate.models.training import words
from tidegate.models.training.examples import HEADS, UNKNOWN, Example, Split
from tidegate.models.training.lexicon import slurs

SOURCE: Final = "written"

_FOLDER: Final = Path(__file__).resolve().parent / "corpus"
_FILLS: Final = 4
"""Fillings of a line with slots."""
_HELD_OUT_EVERY: Final = 8
_SLOT: Final = re.compile(r"\{(\w+)\}")
_NAMES: Final = ("Anna", "Marcus", "Lena", "Tariq", "Sofia", "Dan", "Priya", "Kofi", "Mei", "Olu", "Eva", "Jonas")
_OTHER_FILES: Final = frozenset({"spam"})
"""Corpora of other detectors."""


class CorpusError(ValueError):
    """A corpus file has a line that can't be read; the message names file and line."""


def written(data: Path, profane: Callable[[str], bool], *, seed: int) -> Iterator[Example]:
    """Yields the written examples, slots filled.

    Args:
        data: the folder of the sources, for the slurs.
        profane: test of whether a text holds a profane word; fills the profanity mark.
        seed: of the fillings.

    Raises:
        CorpusError: a file is malformed.
    """
    slots = _slots(slurs(data))
    for path in sorted(_FOLDER.glob("*.txt")):
        if path.stem in _OTHER_FILES:
            continue
        for number, (line, marks) in enumerate(_lines(path)):
            split = Split.TEST if number % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1 else Split.TRAIN
            chance = random.Random(f"{seed}|{path.stem}|{line}")  # noqa: S311 - not a secret
            for text in _filled(line, slots, chance):
                known = tuple(
                    float(profane(text)) if head == "profanity" else mark
                    for head, mark in zip(HEADS, marks, strict=True)
                )
                yield Example(text, known, SOURCE, split)


def _lines(path: Path) -> Iterator[tuple[str, tuple[float, ...]]]:
    marks: tuple[float, ...] | None = None
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("=="):
            marks = _marks(line, f"{path.name}:{number}")
            continue
        if marks is None:
            raise CorpusError(f"{path.name}:{number}: a text before the first section")
        yield line, marks


def _marks(header: str, place: str) -> tuple[float, ...]:
    known = dict.fromkeys(HEADS, UNKNOWN)
    for assignment in header.partition("|")[2].split():
        name, _, value = assignment.partition("=")
        mark = {"1": 1.0, "0": 0.0, "?": UNKNOWN}.get(value)
        if mark is None or (name != "default" and name not in known):
            raise CorpusError(f"{place}: {assignment} is not LABEL=1, 0 or ?")
        if name == "default":
            named = {one.partition("=")[0] for one in header.partition("|")[2].split()}
            known |= {head: mark for head in HEADS if head not in named}
        else:
            known[name] = mark
    return tuple(known.values())


def _slots(insults: Sequence[str]) -> dict[str, Sequence[str]]:
    return {
        "group": words.GROUPS,
        "group2": words.GROUPS,
        "person": words.PERSONS,
        "thing": words.THINGS,
        "way": words.WAYS,
        "place": words.PLACES,
        "name": _NAMES,
        "slur": insults,
        "slurs": [f"{word}s" for word in insults],
    }


def _filled(line: str, slots: dict[str, Sequence[str]], chance: random.Random) -> list[str]:
    if not _SLOT.search(line):
        return [line]
    return list(
        dict.fromkeys(
            _SLOT.sub(lambda slot: chance.choice(slots.get(slot[1], (slot[1],))), line) for _ in range(_FILLS)
        )
    )
