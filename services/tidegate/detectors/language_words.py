"""Text → the words that tell its language: small letters, disguises undone, no links, handles or emoji. Pure."""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from tidegate.models.leet import without_leet
from tidegate.models.lookalikes import without_lookalikes
from tidegate.models.marks import without_stuffing
from tidegate.models.spacing import without_spacing

LEAST_STRETCH_CHARACTERS: Final = 24
"""Of words, blanks between them counted: what tells a language by itself, measured (models/cards/text_language.md)."""

_WINDOW_CHARACTERS: Final = 1_000
"""A text of more than three windows is looked at in its beginning, middle and end."""
_STEP_CHARACTERS: Final = 15
_STRETCH_STEPS: Final = 3
"""English is looked for in stretches of three steps, one beginning at each step."""
_NOT_WORDS: Final = re.compile(r"(?:https?://|www\.)\S+|(?<!\w)@\w+|\[(?:user|url)\]|\bRT\b", re.IGNORECASE)
_CODE: Final = re.compile(r"(?<!\w)(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]+(?!\w)", re.IGNORECASE)
"""Letters with digits among them: what is left of leet is no word of any language."""
_LONG_RUN: Final = re.compile(r"(\w)\1{2,}")
_LETTER: Final = r"[^\W\d_]"
_DISGUISED: Final = re.compile(
    rf"(?=({_LETTER}))\1{{3,}}"
    rf"|{_LETTER}(?:[\d_]+|[^\w\s'\u2019\".,!?:;/()&\u2026-]+){_LETTER}"
    rf"|(?<![^\s._-]){_LETTER}[._-]{_LETTER}|{_LETTER}[._-]{_LETTER}(?![^\s._!?,-])"
)
"""Letters drawn out, with digits or signs between them, or set off alone: what a disguised word falls into are words of
any language."""
LATIN_LETTER: Final = re.compile(r"[a-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")
_CONTRACTED: Final = MappingProxyType({"im": "i'm"})
"""Without its apostrophe it is German to the model, and most false alarms of davidson had it."""
_APOSTROPHES: Final = "'\u2019"


def has_letters(text: str) -> bool:
    """Whether there is a letter outside links and handles."""
    return any(char.isalpha() for char in _without_links(text))


def is_disguised(text: str) -> bool:
    """Whether a word of the text is written so that a filter would not see it."""
    return _DISGUISED.search(_without_links(text)) is not None


def _without_links(text: str) -> str:
    return _NOT_WORDS.sub(" ", html.unescape(text))


def seen(text: str) -> str:
    """The text, or its beginning, middle and end."""
    if len(text) <= 3 * _WINDOW_CHARACTERS:
        return text
    middle = (len(text) - _WINDOW_CHARACTERS) // 2
    starts = (0, middle, len(text) - _WINDOW_CHARACTERS)
    return " ".join(text[start : start + _WINDOW_CHARACTERS] for start in starts)


def words_of(text: str) -> list[str]:
    """Only words, in small letters: capitals, links, handles, digits and emoji mislead an identifier.

    Disguises are undone as in normalisation 2: else English in leet, or with its letters set apart, would be Spanish,
    and no detector of English would look at it.
    """
    plain = html.unescape(text)
    if not plain.isascii():
        plain = without_lookalikes(unicodedata.normalize("NFKC", without_stuffing(plain)))
    plain = without_leet(without_spacing(_NOT_WORDS.sub(" ", plain)))
    spelt = "".join(map(_letter, _CODE.sub(" ", plain)))
    words = map(_trimmed, _LONG_RUN.sub(r"\1\1", spelt).lower().split())
    return [_CONTRACTED.get(word, word) for word in words if word]


def are_words(latin: list[str]) -> bool:
    """Tells words from letters set apart in a way that is not undone: those are Spanish to the model."""
    return 2 * sum(len(word) == 1 for word in latin) <= len(latin)


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    """Letters and their marks stay, and so do apostrophes; format characters vanish; the rest parts words."""
    if char in _APOSTROPHES or unicodedata.category(char)[0] in "LM":
        return char
    return "" if unicodedata.category(char) == "Cf" else " "


def _trimmed(word: str) -> str:
    return word.strip(_APOSTROPHES)


def stretches(words: list[str]) -> Iterator[str]:
    """Joins words to overlapping stretches."""
    steps: list[str] = []
    step: list[str] = []
    length = 0
    for word in words:
        step.append(word)
        length += len(word) + 1
        if length >= _STEP_CHARACTERS:
            steps.append(" ".join(step))
            step, length = [], 0
    if step:
        steps.append(" ".join(step))
    for start in range(max(1, len(steps) - _STRETCH_STEPS + 1)):
        stretch = " ".join(steps[start : start + _STRETCH_STEPS])
        if len(stretch) >= LEAST_STRETCH_CHARACTERS:
            yield stretch
