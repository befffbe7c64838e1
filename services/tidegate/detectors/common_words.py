"""Frequent words by language: they tell a text of a few words, which an identifier that wants sentences can't.

Read once, from `common_words.txt` beside this module, by `language.py`.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("common_words.txt")
_HEADING: Final = "# == "
_ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a text's distinct words speak for languages."""

    words: int
    """How many there are."""
    english: int
    """How many of them are frequent in English."""
    foreign: int
    """How many are frequent in any other language, and hardly in English."""
    language: str
    """The other language that has most of them; empty if none has any."""
    of_language: int
    """How many that one has."""


@dataclass(frozen=True, slots=True)
class CommonWords:
    """The lists."""

    english: AbstractSet[str]
    """Frequent words of English, slang and slurs included."""
    others: Mapping[str, AbstractSet[str]]
    """By ISO 639-1, words that hold sentences together. No word is in `english` too."""

    @classmethod
    def load(cls) -> "CommonWords":
        """Reads the file."""
        lists: dict[str, set[str]] = {}
        current: set[str] = set()
        for line in _FILE.read_text(encoding="utf-8").splitlines():
            if line.startswith(_HEADING):
                current = lists.setdefault(line.removeprefix(_HEADING), set())
            elif not line.startswith("#"):
                current.update(line.split())
        return cls(english=lists.pop(_ENGLISH), others=lists)

    def evidence(self, words: Sequence[str]) -> Evidence:
        """Counts. A word said twice counts once: "la la la" is not French."""
        distinct = set(words)
        by_language = {code: len(distinct & known) for code, known in self.others.items()}
        language = max(by_language, key=lambda code: by_language[code])
        return Evidence(
            words=len(distinct),
            english=len(distinct & self.english),
            foreign=sum(any(word in known for known in self.others.values()) for word in distinct),
            language=language if by_language[language] else "",
            of_language=by_language[language],
        )
