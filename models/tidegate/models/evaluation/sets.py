"""Reads the sentences that were written for evaluation only: `sentences/*.txt`, one text a line, `#` for remarks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).resolve().parent / "sentences"
_LANGUAGE: Final = "# == "
"""Before a language's code: the lines that follow are in it."""


@dataclass(frozen=True, slots=True)
class FunctionalClass:
    """Sentences of one form, and whether they are hate."""

    name: str
    """The form, in words."""
    hate: bool
    """What a detector should say at a probability of one half."""
    texts: tuple[str, ...]
    """Mild, different in topic."""


def lookalike_prompts() -> tuple[str, ...]:
    """Returns harmless requests whose words look dangerous."""
    return tuple(_lines("lookalike_prompts"))


def invented_titles() -> tuple[str, ...]:
    """Returns titles of songs and playlists that do not exist, in the words that titles love."""
    return tuple(_lines("invented_titles"))


def short_comments() -> Mapping[str, tuple[str, ...]]:
    """Returns comments of a few words, by ISO 639-1 code: ordinary English ones, and threats and praise in others."""
    found: dict[str, list[str]] = {"en": list(_lines("short_english"))}
    for line in (_FOLDER / "short_foreign.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(_LANGUAGE):
            code = line.removeprefix(_LANGUAGE)
        elif not line.startswith("#"):
            found.setdefault(code, []).append(line)
    return {code: tuple(lines) for code, lines in found.items()}


def identity_terms() -> tuple[str, ...]:
    """Returns adjectives for people."""
    return tuple(_lines("identity_terms"))


def identity_templates() -> tuple[str, ...]:
    """Returns neutral and warm sentences with a place `{term}` for an adjective."""
    return tuple(_lines("identity_templates"))


def functional_classes() -> tuple[FunctionalClass, ...]:
    """Returns the functional checks of hate by class."""
    found: list[tuple[str, bool, list[str]]] = []
    for line in _lines("functional"):
        if line.startswith("=="):
            name, _, expected = line.removeprefix("==").partition("|")
            found.append((name.strip(), expected.strip() == "hate", []))
        else:
            found[-1][2].append(line)
    return tuple(FunctionalClass(name, hate, tuple(texts)) for name, hate, texts in found)


def _lines(name: str) -> Iterator[str]:
    for raw in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if line and not line.startswith("#"):
            yield line
