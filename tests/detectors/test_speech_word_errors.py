"""Errors are counted in words, as the field does."""

import pytest

from tidegate.detectors.speech.word_errors import word_errors

SAID = ["ask", "what", "you", "can", "do"]


@pytest.mark.parametrize(
    ("heard", "errors"),
    [
        ("Ask what you can do!", 0),
        ("ask what can do", 1),
        ("ask what what you can do", 1),
        ("ask that you can do", 1),
        ("", 5),
        ("ask what you can do for your country", 3),
        ("do can you what ask", 4),
    ],
)
def test_wrong_missing_and_additional_words_count_once_each(heard: str, errors: int) -> None:
    assert word_errors(SAID, heard) == errors
