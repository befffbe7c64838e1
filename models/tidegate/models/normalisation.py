"""Text normalisation: the one form in which a detector sees text, when it trains and when it serves.

A detector's tokenizer drops what it does not know. These steps keep evasions and emoji visible to it: compatibility
forms are folded (NFKC), invisible characters removed, emoji spelt out by their Unicode names, links and handles
reduced to a word, disguises undone: look-alike letters, leet, letters set apart, stacked marks, masks.
Pure; a version changes whenever the output for any text may change, and stays for the detectors trained with it.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from tidegate.models.leet import without_leet
from tidegate.models.lookalikes import without_lookalikes
from tidegate.models.marks import without_stuffing
from tidegate.models.masking import with_one_mask, with_words_of_hashtags
from tidegate.models.spacing import without_spacing

NORMALISATION_VERSION: Final = "2"
"""What new detectors are trained with; a trained one names its own in the catalogue."""

_URL: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE: Final = re.compile(r"(?<![\w@])@(?!ss(?:\b|hole|hat|wipe|clown|es\b)|nal\b)\w{1,30}|\[user\]", re.IGNORECASE)
"""A name, and not leet such as "@sshole"."""
_LETTER_RUN: Final = re.compile(r"(?!\b([kxiwz])\1\1\b)([^\W\d_])\2{2,}", re.IGNORECASE)
_SYMBOL_RUN: Final = re.compile(r"([^\w\s]|_)\1{2,}")
_FIRST_PICTOGRAPH: Final = 0x2190
_PRINTERS_WORDS: Final = frozenset(
    "negative squared circled latin capital small letter sign symbol heavy black white medium with and".split(),  # noqa: SIM905 - a list of words reads better as words
)
"""Words of emoji names that speak of typography; "black" and "white" there would read as words about people."""


@lru_cache(maxsize=4096)
def _spelt(char: str) -> str:
    """What stands in for one character: itself, nothing, a space, or its name in words."""
    category = unicodedata.category(char)
    if char.isspace() or category == "Cc":
        return " "
    if category in {"Cf", "Cs", "Co", "Cn"} or "\ufe00" <= char <= "\ufe0f":
        return ""
    if category == "So" and ord(char) >= _FIRST_PICTOGRAPH:
        words = unicodedata.name(char, "").lower().replace("-", " ").split()
        return f" {' '.join(word for word in words if word not in _PRINTERS_WORDS)} "
    if category == "Sk" and ord(char) >= 0x1F3FB:  # noqa: PLR2004 - the five skin tone modifiers begin here
        return ""
    return char


def normalise(text: str, version: str = NORMALISATION_VERSION) -> str:
    """Returns the text as detectors see it: one line, without invisible characters, emoji as words.

    Linear in the length of the text.

    Args:
        text: any Unicode text.
        version: one of `VERSIONS`; a detector's is in its `DetectorSpec.normalisation`.

    Returns:
        The normalised text; empty when nothing visible was in it.

    Raises:
        KeyError: The version is unknown.
    """
    return VERSIONS[version](text)


def _version_2(text: str) -> str:
    plain = html.unescape(text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", without_stuffing(plain))
        plain = without_lookalikes(plain)
    plain = _HANDLE.sub(" user ", _URL.sub(" link ", plain))
    plain = with_one_mask(without_leet(without_spacing(with_words_of_hashtags(plain))))
    plain = _LETTER_RUN.sub(r"\2\2", _SYMBOL_RUN.sub(r"\1\1", plain))
    if not plain.isascii():
        plain = "".join(map(_spelt, plain))
    return " ".join(plain.split())


VERSIONS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({"2": _version_2})
"""Every version that a catalogued detector may have been trained with."""
