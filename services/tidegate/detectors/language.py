"""Identifies the language of a text: what `LanguageGate` asks. fastText's lid.176, from a pinned package, offline.

What it says has a direction. "Another language" keeps a text from detectors of English, so it is said only when the
text leaves no doubt, and never where a stretch of the text is English; else the answer is "en" or undecided. The
limits were chosen with `python -m tidegate.models.evaluation.language_quality`; see models/cards/text_language.md.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import fasttext  # type: ignore[import-untyped]  # neither stubs nor py.typed

from tidegate.detectors.language_gate import UNDECIDED
from tidegate.models.catalogue import DetectorSpec
from tidegate.models.leet import without_leet
from tidegate.models.lookalikes import without_lookalikes
from tidegate.models.marks import without_stuffing
from tidegate.models.spacing import without_spacing

ENGLISH: Final = "en"
MIN_LATIN_CHARACTERS: Final = 24
"""Of Latin words, blanks between them counted: a shorter text is never another language. At 20, false alarms on
messages double; at 30, 2 % more of German tweets are read as English."""
MIN_LATIN_CONFIDENCE: Final = 0.7
"""At 0.6, davidson's tweets, many in African American English, come above 0.5 % of false alarms."""
MIN_OTHER_LETTERS: Final = 6
"""In another script. Fewer may be a kaomoji, a unit or a name."""
MIN_OTHER_CONFIDENCE: Final = 0.3
"""In another script the question is only which language it is: the model shares Arabic and Chinese among relatives."""
MIN_ENGLISH_CONFIDENCE: Final = 0.6
"""A stretch of at least `MIN_LATIN_CHARACTERS` that is English with this confidence makes the whole text English."""

_WINDOW_CHARACTERS: Final = 1_000
"""A text of more than three windows is looked at in its beginning, middle and end."""
_STEP_CHARACTERS: Final = 15
_STRETCH_STEPS: Final = 3
"""English is looked for in stretches of three steps, one beginning at each step."""
_NOT_WORDS: Final = re.compile(r"(?:https?://|www\.)\S+|(?<!\w)@\w+|\[(?:user|url)\]|\bRT\b", re.IGNORECASE)
_CODE: Final = re.compile(r"(?<!\w)(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]+(?!\w)", re.IGNORECASE)
"""Letters with digits among them: what is left of leet is no word of any language."""
_LONG_RUN: Final = re.compile(r"(\w)\1{2,}")
_LATIN_LETTER: Final = re.compile(r"[a-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")
_CONTRACTED: Final = MappingProxyType({"im": "i'm"})
"""Without its apostrophe it is German to the model, and most false alarms of davidson had it."""
_APOSTROPHES: Final = "'\u2019"
_MARKED: Final = "__label__"


@dataclass(frozen=True, slots=True)
class Identified:
    """A `language_gate.Finding`."""

    code: str
    """ISO 639-1, the model's own (ISO 639-3) for languages without one, or "und"."""
    confidence: float
    """The model's, in [0, 1]; 0 if undecided."""


_UNDECIDED: Final = Identified(UNDECIDED, 0.0)


class FastTextLanguages:
    """`Languages` on fastText. Deterministic; thread-safe, since a prediction only reads the model."""

    def __init__(self, spec: DetectorSpec) -> None:
        """Loads the model that `text_language` names, below 1 MB.

        Raises:
            PackagedFileError: the package or its file is not the catalogue's.
        """
        weights = spec.packages[0]
        weights.verify()
        self._model = fasttext.load_model(str(weights.path()))

    def identify(self, text: str) -> Identified:
        """See `Languages`. The work is bounded: at most three windows of 1,000 characters are looked at."""
        words = _words(_seen(text))
        latin = [word for word in words if _LATIN_LETTER.match(word)]
        other = [word for word in words if not _LATIN_LETTER.match(word)]
        for stretch in _stretches(latin):
            found = self._best(stretch)
            if found.code == ENGLISH and found.confidence >= MIN_ENGLISH_CONFIDENCE:
                return found
        letters = sum(map(len, other))
        if letters >= MIN_OTHER_LETTERS and letters >= sum(map(len, latin)):
            return _sure(self._best(" ".join(other)), MIN_OTHER_CONFIDENCE)
        return self._of_latin(" ".join(latin)) if _are_words(latin) else _UNDECIDED

    def _of_latin(self, words: str) -> Identified:
        found = self._best(words)
        if found.code == ENGLISH:
            return found if found.confidence >= MIN_ENGLISH_CONFIDENCE else _UNDECIDED
        return _sure(found, MIN_LATIN_CONFIDENCE) if len(words) >= MIN_LATIN_CHARACTERS else _UNDECIDED

    def _best(self, words: str) -> Identified:
        if not words:
            return _UNDECIDED
        (label,), (confidence,) = self._model.predict(words)
        return Identified(label.removeprefix(_MARKED), min(1.0, float(confidence)))


def _sure(found: Identified, confidence: float) -> Identified:
    return found if found.code != ENGLISH and found.confidence >= confidence else _UNDECIDED


def _seen(text: str) -> str:
    """The text, or its beginning, middle and end."""
    if len(text) <= 3 * _WINDOW_CHARACTERS:
        return text
    middle = (len(text) - _WINDOW_CHARACTERS) // 2
    starts = (0, middle, len(text) - _WINDOW_CHARACTERS)
    return " ".join(text[start : start + _WINDOW_CHARACTERS] for start in starts)


def _words(text: str) -> list[str]:
    """Only words, in small letters: capitals, links, handles, digits and emoji mislead the model.

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


def _are_words(latin: list[str]) -> bool:
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


def _stretches(words: list[str]) -> Iterator[str]:
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
        if len(stretch) >= MIN_LATIN_CHARACTERS:
            yield stretch
