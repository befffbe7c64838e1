"""Text normalisation: the one form in which a detector sees text, when it trains and when it serves.

A detector's tokenizer drops what it does not know. These steps keep evasions and emoji visible to it: compatibility
forms are folded (NFKC), invisible characters removed, emoji spelt out by their Unicode names, links and handles
reduced to a word. Pure; a version changes whenever the output for any text may change.
"""

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final

NORMALISATION_VERSION: Final = "1"

_URL: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE: Final = re.compile(r"(?<![\w@])@\w{1,30}|\[user\]", re.IGNORECASE)
_LONG_RUN: Final = re.compile(r"(\w)\1{3,}")
_MAX_REPEATED_SYMBOL: Final = 2
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


def normalise(text: str) -> str:
    """Returns the text as detectors see it: one line, without invisible characters, emoji as words.

    Args:
        text: any Unicode text.

    Returns:
        The normalised text; empty when nothing visible was in it.
    """
    folded = unicodedata.normalize("NFKC", html.unescape(text))
    folded = _HANDLE.sub(" user ", _URL.sub(" link ", folded))
    spelt: list[str] = []
    run = 0
    for position, char in enumerate(folded):
        run = run + 1 if position and char == folded[position - 1] else 1
        if run > _MAX_REPEATED_SYMBOL and not char.isalnum():
            continue
        spelt.append(_spelt(char))
    return " ".join(_LONG_RUN.sub(r"\1\1\1", "".join(spelt)).split())
