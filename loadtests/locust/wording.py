"""Words that people might write: English of any length, from `vocabulary.yaml`."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_HIGHEST_NUMBER = 400


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What `vocabulary.yaml` holds."""

    fillers: Mapping[str, Sequence[str]]
    """What stands for `{thing}` and the like."""
    sentences: Sequence[str]
    """Templates of most texts."""
    borderline: Sequence[str]
    """Templates of what some policies mind."""
    popular: Sequence[str]
    """Said by many, word by word."""


@cache
def vocabulary() -> Vocabulary:
    """Read once."""
    return Vocabulary(**yaml.safe_load(Path(__file__).with_name("vocabulary.yaml").read_text()))


class _Draws(dict[str, str]):
    """Draws what a template asks for."""

    def __init__(self, drawn: random.Random) -> None:
        super().__init__()
        self._drawn = drawn

    def __missing__(self, name: str) -> str:
        if name == "number":
            return str(self._drawn.randrange(2, _HIGHEST_NUMBER))
        return self._drawn.choice(vocabulary().fillers[name])


def sentence(drawn: random.Random) -> str:
    """One sentence, rarely the same twice."""
    return _filled(drawn.choice(vocabulary().sentences), drawn)


def borderline(drawn: random.Random) -> str:
    """One that some policies mind."""
    return _filled(drawn.choice(vocabulary().borderline), drawn)


def popular(rank: int) -> str:
    """What many people write, word by word the same; `rank` counts from 0."""
    texts = vocabulary().popular
    return texts[rank % len(texts)] + "!" * (rank // len(texts))


def passage(words: int, drawn: random.Random, *, of: Callable[[random.Random], str] = sentence) -> str:
    """Sentences until there are about this many words, cut at a word."""
    said: list[str] = []
    while len(said) < words:
        said += f"{of(drawn)}.".split(" ")
    return " ".join(said[:words])


def _filled(template: str, drawn: random.Random) -> str:
    filled = template.format_map(_Draws(drawn))
    return filled[0].upper() + filled[1:]
