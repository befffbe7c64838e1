"""Words wrong, missing and too many: the measure of a recogniser."""

import re
from collections.abc import Sequence
from typing import Final

KNOWN_WORDS: Final = {
    "whisper_tests_jfk.flac": "and so my fellow americans ask not what your country can do for you"
    " ask what you can do for your country",
    "beckett.wav": "ever tried ever failed no matter try again fail again fail better",
    "fsdd_0_jackson_0.wav": "zero",
    "fsdd_3_jackson_0.wav": "three",
    "fsdd_7_jackson_0.wav": "seven",
}
"""What is said in freely available clips, by file name."""


def words_of(text: str) -> list[str]:
    """Returns the words in lower case, without punctuation."""
    return re.findall(r"[\w']+", text.lower())


def word_errors(said: Sequence[str], heard: str) -> int:
    """Returns the edit distance in words (Levenshtein 1966) from what was said to what was heard."""
    distances = list(range(len(said) + 1))
    for row, word in enumerate(words_of(heard), start=1):
        diagonal, distances[0] = distances[0], row
        for column, right in enumerate(said, start=1):
            cost = min(distances[column] + 1, distances[column - 1] + 1, diagonal + (word != right))
            diagonal, distances[column] = distances[column], cost
    return distances[-1]
