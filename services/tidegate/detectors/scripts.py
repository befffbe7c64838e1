"""Letters of other scripts: how many make a word (one may be a face, two may be a threat), and whose script it is."""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_SYLLABLES: Final = 2
"""In scripts whose signs stand for syllables or words: "死ね", "मर". One alone is rather a face: "(ツ)"."""
_LETTERS: Final = 3
"""In alphabets."""
_KATAKANA: Final = 4
"""Faces are built of it: "(ノヮノ)"."""
_ALPHABETS: Final = frozenset({"GREEK", "COPTIC", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC", "SYRIAC"})
_FACES: Final = frozenset({"KATAKANA"})
_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "HIRAGANA": "ja",
        "KATAKANA": "ja",
        "CJK": "zh",
        "HANGUL": "ko",
        "CYRILLIC": "ru",
        "GREEK": "el",
        "ARABIC": "ar",
        "HEBREW": "he",
        "DEVANAGARI": "hi",
        "BENGALI": "bn",
        "TAMIL": "ta",
        "THAI": "th",
        "ARMENIAN": "hy",
        "GEORGIAN": "ka",
    }
)
"""The language with most readers of a script. In order: what holds kana is Japanese, whatever else it holds."""


def is_word(letters: str) -> bool:
    """Whether letters of one stretch, none of them Latin, are a word without doubt. Mixed scripts are none."""
    scripts = {script for letter in letters if (script := _script(letter))}
    if not scripts or len(scripts - {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}) > (len(scripts) == 1):
        return False
    if scripts <= _ALPHABETS:
        return len(letters) >= _LETTERS
    return len(letters) >= (_KATAKANA if scripts <= _FACES else _SYLLABLES)


def likeliest_language(words: Iterable[str]) -> str:
    """ISO 639-1 of the language that most readers of these letters' script read; empty for any other script."""
    scripts = {_script(letter) for word in words for letter in word}
    return next((code for script, code in _LANGUAGES.items() if script in scripts), "")


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The first word of a letter's name in Unicode; empty for marks, and for what has no name."""
    if not unicodedata.category(letter).startswith("L"):
        return ""
    return unicodedata.name(letter, "").partition(" ")[0]
