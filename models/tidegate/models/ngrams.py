"""Text → hashed word and character n-grams: the tokens of detectors that need no encoder.

Shared by training and serving, so both see the same ids, bit for bit: CRC-32 of the n-gram's UTF-8 bytes, folded into
one range for words and one for pieces of words. A model weighs each range by itself; see `export.ngram_graph`. Pure.
"""

import html
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final
from zlib import crc32

from tidegate.models.normalisation import VERSIONS

VOCABULARY: Final = 1 << 18
"""Ids are below this."""
FIRST_PIECE: Final = 1 << 17
"""Ids from here on are of pieces of words; below are words, pairs of words and signs."""
NOTHING: Final = 0
"""First id of each window, and padding: counts for nothing, and gives an empty text a window."""

_PIECE_LENGTHS: Final = (4, 5)
_LONGEST_WORD: Final = 40
"""Characters of a word that are read: bounds the ids of a window of words."""
_TAG: Final = re.compile(r"</?(?:br|b|i|u|s|a|p|em|strong|span)\b[^<>]{0,400}>", re.IGNORECASE)
_LINK_TAG: Final = re.compile(r"<a\s[^<>]{0,400}>", re.IGNORECASE)
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)\S+"
    r"|(?<![\w@.])(?:[\w-]{1,40}\.){0,3}[\w-]{1,40} {0,2}\. {0,2}"
    r"(?:com|net|org|co|tv|ru|info|biz|me|io|gg|ly|shop|xyz|club|site|online|top|live|app|example)\b(?:/\S*)?"
    r"|(?<!\w)/?watch\?v=\S+",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"(?<!\w)link(?!\w)")
_TELEPHONE: Final = re.compile(r"\+?\(?\d(?:[ ().-]{0,2}\d){7,14}")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_WORD: Final = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_MENTION: Final = re.compile(r"@[A-Za-z_]")
_MONEY: Final = re.compile(r"[$£€]")
_LONGEST_NUMBER: Final = 4


class NgramTokenizer:
    """Makes windows of n-gram ids. Stateless, thread-safe."""

    def __init__(self, *, normalisation: str, words: int, overlap: int) -> None:
        """Chooses the version and the windows.

        Args:
            normalisation: version of `normalisation.VERSIONS` that the detector was trained with.
            words: most words in a window.
            overlap: words that neighbouring windows share; below `words`.

        Raises:
            KeyError: there is no such normalisation.
            ValueError: windows would overlap by all of their length.
        """
        if not 0 <= overlap < words:
            raise ValueError("windows overlap by all of their length")
        self._normalise = VERSIONS[normalisation]
        self._words, self._stride = words, words - overlap

    def windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Returns each text's windows: at least one, each of `NOTHING` and then distinct rising ids."""
        return [list(self._of(text)) for text in texts]

    def _of(self, text: str) -> Iterator[list[int]]:
        plain = _plain(text)
        words = _WORD.findall(_NUMBER.sub(_magnitude, self._normalise(plain).lower()))
        signs = tuple(_signs(plain))
        last = max(self._stride, len(words) - self._words + self._stride)
        for start in range(0, last, self._stride):
            window = words[start : start + self._words]
            pieces = {FIRST_PIECE + crc32(piece.encode()) % FIRST_PIECE for piece in _pieces(window)}
            whole = {1 + crc32(gram.encode()) % (FIRST_PIECE - 1) for gram in (*signs, *_word_grams(window))}
            yield [NOTHING, *sorted(whole if window else ()), *sorted(pieces)]


def _plain(text: str) -> str:
    """Takes out mark-up; link targets and telephone numbers become one word each, so that none is learnt by heart."""
    plain = _TAG.sub(" ", _LINK_TAG.sub(" link ", html.unescape(text)))
    return _TELEPHONE.sub(" telephone ", _ADDRESS.sub(" link ", plain))


def _magnitude(number: re.Match[str]) -> str:
    return "0" * min(len(number[0]), _LONGEST_NUMBER)


def _signs(plain: str) -> Iterator[str]:
    """What is seen of a text from afar. Its length is not in it: it told data sets apart, not spam."""
    letters = sum(char.isalpha() for char in plain)
    capitals = sum(char.isupper() for char in plain) / max(1, letters)
    yield f"#links {min(3, len(_LINK.findall(plain)))}"
    yield f"#telephone {' telephone ' in plain}"
    yield f"#capitals {sum(capitals >= edge for edge in (0.2, 0.5, 0.9))}"
    yield f"#exclamations {sum(plain.count('!') >= edge for edge in (1, 3))}"
    yield f"#mention {_MENTION.search(plain) is not None}"
    yield f"#money {_MONEY.search(plain) is not None}"


def _word_grams(words: Sequence[str]) -> Iterator[str]:
    yield from words
    edged = ("^", *words, "$")
    for first, second in pairwise(edged):
        yield f"{first} {second}"


def _pieces(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if not word[0].isalnum():
            continue
        edged = f"<{word[:_LONGEST_WORD]}>"
        for length in _PIECE_LENGTHS:
            for start in range(len(edged) - length + 1):
                yield edged[start : start + length]
