"""Words whose letters are set apart (h a t e, h.a.t.e, k-i-l-l), joined where a word is plainly meant.

Ordinary text sets letters apart too: "a b c", "U S A", "R.E.M.", "i c u", chords. Joining an abbreviation costs little,
so four letters or more are joined unless they are an alphabet or chords; three only where they read as a syllable.
Pure.
"""

import re
from itertools import pairwise
from typing import Final

_LETTER: Final = "a-zA-Z\u00c0-\u024f"
_SPACED: Final = re.compile(
    rf"(?<![^\W_])(?<!\w['\u2019&])(?<![$@])[{_LETTER}]"
    r"([ .\-_*·•~|/\u2190-\u2bff\U0001f300-\U0001faff])"
    rf"[{_LETTER}0134570@$!](?![^\W_]|['\u2019]\w)(?:\1[{_LETTER}0134570@$!](?![^\W_]|['\u2019]\w))++"
)
_THREE: Final = 3
_SYLLABLE: Final = re.compile(r"[b-df-hj-np-tv-z][aeiou][b-df-hj-np-tv-z]")
_THREE_JOINED: Final = frozenset({"die", "ass", "kkk", "kys", "hoe", "hiv"})
_OPENING_WORD: Final = re.compile(r"(?:a|i)(?=[b-df-hj-np-tv-z][aeiou])")
_NOT_OPENED: Final = ("anal", "anus", "abus", "abor", "adol", "immi", "inhu", "animal", "alon", "idio", "imag", "item")


def without_spacing(text: str) -> str:
    """Returns the text with words that were spelt out letter by letter joined.

    Args:
        text: any text, blanks not yet collapsed: two blanks end a word.
    """
    return _SPACED.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    run, separator = match[0], match[1]
    letters = run[::2]
    lower = letters.lower()
    if lower in _THREE_JOINED:
        return letters
    if sum(char.isalpha() for char in letters) < _THREE or len(set(lower)) == 1:
        return run
    if len(letters) == _THREE:
        return letters if _SYLLABLE.fullmatch(letters) else run
    if _is_alphabet(lower) or (separator == " " and letters.isupper() and set(letters) <= set("ABCDEFG")):
        return run
    if separator == " " and not lower.startswith(_NOT_OPENED) and (opening := _OPENING_WORD.match(lower)):
        return f"{letters[0]} {letters[opening.end() :]}"
    return letters


def _is_alphabet(lower: str) -> bool:
    return all(ord(b) - ord(a) == 1 for a, b in pairwise(lower))
