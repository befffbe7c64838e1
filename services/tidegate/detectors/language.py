"""Identifies the language of a text: what `LanguageGate` asks. fastText's lid.176, from a pinned package, offline.

What it says has a direction. "Another language" keeps a text from detectors of English, so it is said only when the
text leaves no doubt, and never where a stretch of the text is English; else the answer is "en" or undecided. The
limits were chosen with `python -m tidegate.models.evaluation.language_quality`; see models/cards/text_language.md.
Texts of a few words are told by their words as well (`common_words.py`), and by their script (`scripts.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import fasttext  # type: ignore[import-untyped]  # neither stubs nor py.typed

from tidegate.detectors.common_words import CommonWords
from tidegate.detectors.language_gate import UNDECIDED, WORDLESS
from tidegate.detectors.language_words import (
    LATIN_LETTER,
    LEAST_STRETCH_CHARACTERS,
    are_words,
    has_letters,
    is_disguised,
    seen,
    stretches,
    words_of,
)
from tidegate.detectors.scripts import is_word, likeliest_language
from tidegate.models.catalogue import DetectorSpec

ENGLISH: Final = "en"
MIN_LATIN_CHARACTERS: Final = LEAST_STRETCH_CHARACTERS
"""Of Latin words, blanks between them counted: a shorter text is another language only if its words speak for it too.
At 20, false alarms on messages double; at 30, 2 % more of German tweets are read as English."""
MIN_LATIN_CONFIDENCE: Final = 0.7
"""At 0.6, davidson's tweets, many in African American English, come above 0.5 % of false alarms."""
MIN_OTHER_LETTERS: Final = 6
"""In another script. Fewer may be a kaomoji, a unit or a name, unless they are a word (`scripts.is_word`)."""
MIN_OTHER_CONFIDENCE: Final = 0.3
"""In another script the question is only which language it is: the model shares Arabic and Chinese among relatives."""
MIN_ENGLISH_CONFIDENCE: Final = 0.6
"""A stretch of at least `MIN_LATIN_CHARACTERS` that is English with this confidence makes the whole text English."""
FEW_WORDS_CONFIDENCE: Final = 0.3
"""Of three words or more, none of them frequent in English, in the other language."""
FEW_WORDS_ENGLISH: Final = 0.1
"""The most that English may have beside it."""
ONE_WORD_ENGLISH: Final = 0.3
"""The same where one of the words is frequent in another language, and none in English."""
PAIR_CONFIDENCE: Final = 0.7
"""Of two words, as unknown to English."""
PAIR_ENGLISH: Final = 0.05
"""The most that English may have beside it."""

_MARKED: Final = "__label__"
_LIKELIEST: Final = 5
"""Languages that the model is asked for; English is among them wherever its share matters."""
_PAIR: Final = 2
_BRIEF_CHARACTERS: Final = 60
"""A text with fewer in Latin words is not told a foreign language by the pieces of disguised words."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A `language_gate.Finding`."""

    code: str
    """ISO 639-1, the model's own (ISO 639-3) for languages without one, "und", or "zxx" where there are no letters."""
    confidence: float
    """In [0, 1]: the model's, or for a few words how sure it is that they are not English; 0 if undecided."""


_UNDECIDED: Final = Identified(UNDECIDED, 0.0)
_WORDLESS: Final = Identified(WORDLESS, 0.0)


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
        self._common = CommonWords.load()

    def identify(self, text: str) -> Identified:
        """See `Languages`. The work is bounded: at most three windows of 1,000 characters are looked at."""
        looked_at = seen(text)
        words = words_of(looked_at)
        latin = [word for word in words if LATIN_LETTER.match(word)]
        other = [word for word in words if not LATIN_LETTER.match(word)]
        for stretch in stretches(latin):
            found = self._best(stretch)
            if found.code == ENGLISH and found.confidence >= MIN_ENGLISH_CONFIDENCE:
                return found
        letters = sum(map(len, other))
        if letters and letters >= sum(map(len, latin)):
            return self._of_other(other, letters)
        if not latin:
            return _UNDECIDED if has_letters(looked_at) else _WORDLESS
        return self._of_latin(latin, looked_at) if are_words(latin) else _UNDECIDED

    def _of_other(self, words: list[str], letters: int) -> Identified:
        shares = self._shares(" ".join(words))
        best = max(shares, key=lambda code: shares[code])
        if letters >= MIN_OTHER_LETTERS and best != ENGLISH and shares[best] >= MIN_OTHER_CONFIDENCE:
            return Identified(best, shares[best])
        if not any(map(is_word, words)):
            return _UNDECIDED
        return Identified(likeliest_language(words) or _best_but_english(shares), 1.0)

    def _of_latin(self, latin: list[str], text: str) -> Identified:
        words = " ".join(latin)
        shares = self._shares(words)
        best = max(shares, key=lambda code: shares[code])
        if best == ENGLISH and shares[best] >= MIN_ENGLISH_CONFIDENCE:
            return Identified(best, shares[best])
        if len(words) < _BRIEF_CHARACTERS and is_disguised(text):
            return _UNDECIDED
        if best != ENGLISH and len(words) >= MIN_LATIN_CHARACTERS and shares[best] >= MIN_LATIN_CONFIDENCE:
            return Identified(best, shares[best])
        return self._of_few(latin, shares)

    def _of_few(self, words: list[str], shares: Mapping[str, float]) -> Identified:
        """What the words themselves say where the model is not sure."""
        evidence = self._common.evidence(words)
        likeliest = _best_but_english(shares)
        english, other = shares.get(ENGLISH, 0.0), shares.get(likeliest, 0.0)
        if not evidence.english and evidence.words > 1:
            unknown = other >= FEW_WORDS_CONFIDENCE and english < FEW_WORDS_ENGLISH and evidence.words > _PAIR
            pair = other >= PAIR_CONFIDENCE and english < PAIR_ENGLISH
            if unknown or pair:
                return _not_english(likeliest, shares)
            if evidence.foreign and english < ONE_WORD_ENGLISH:
                return _not_english(evidence.language, shares)
        if evidence.of_language > 1 and evidence.foreign > evidence.english:
            return _not_english(evidence.language, shares)
        if evidence.english * 2 >= evidence.words and not evidence.foreign and " ".join(words).isascii():
            return Identified(ENGLISH, english)
        return _UNDECIDED

    def _best(self, words: str) -> Identified:
        if not words:
            return _UNDECIDED
        (label,), (confidence,) = self._model.predict(words)
        return Identified(label.removeprefix(_MARKED), min(1.0, float(confidence)))

    def _shares(self, words: str) -> dict[str, float]:
        """What the model gives the likeliest languages."""
        labels, shares = self._model.predict(words, k=_LIKELIEST)
        return {
            label.removeprefix(_MARKED): min(1.0, float(share)) for label, share in zip(labels, shares, strict=True)
        }


def _best_but_english(shares: Mapping[str, float]) -> str:
    return max((code for code in shares if code != ENGLISH), key=lambda code: shares[code], default=UNDECIDED)


def _not_english(code: str, shares: Mapping[str, float]) -> Identified:
    return Identified(code, 1.0 - shares.get(ENGLISH, 0.0))
