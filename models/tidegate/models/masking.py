# ruff: noqa: RUF001 - signs that look like others are what this module is about
"""Masked words (f*ck, sh**, f#%k) and hashtags (#KillAll), made plain to a tokenizer.

A mask hides which letter was meant, so it is not guessed: it becomes one asterisk, always. Pure.
"""

import re
from typing import Final

_INSIDE: Final = re.compile(r"(?<=[^\W\d_])(?:(?<!\b[A-G])#|[*%×•✱∗][*%#@$!?&×•✱∗]*+|[#@$!?&%*]{2,}+)(?=[^\W\d_])")
_AT_THE_END: Final = re.compile(r"(?<![^\W_])(?<![*\w])([^\W\d_]{1,4}+)[*✱∗]{2,}+(?![^\W_])")
_LETTERS_PARTED: Final = re.compile(r"(?<=[^\W\d_])[\^¦·•]{1,2}(?=[^\W\d_])")
_HASHTAG: Final = re.compile(r"(?<![\w&@%*$!])#(?=\w{0,40}[^\W\d_])(\w+)")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|_")


def with_one_mask(text: str) -> str:
    """Returns the text with each mask inside or at the end of a word as one asterisk.

    "**bold**", "C#m", "AT&T", "really?!" and "c++" hold no mask.

    Args:
        text: NFKC text.
    """
    parted = _LETTERS_PARTED.sub("", text)
    return _AT_THE_END.sub(r"\1*", _INSIDE.sub(_mask, parted))


def with_words_of_hashtags(text: str) -> str:
    """Returns the text with hashtags split at capitals and digits, in small letters: "#KillAll" is "kill all"."""
    return _HASHTAG.sub(lambda match: f" {_CAMEL.sub(' ', match[1]).lower()} ", text)


def _mask(match: re.Match[str]) -> str:
    return match[0] if set(match[0]) <= {"!", "?"} or set(match[0]) <= {"&"} else "*"
