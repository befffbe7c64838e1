"""Texts become windows; nothing of a text is lost."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.detectors.tokenisation import TokenisationError, WindowTokenizer
from tidegate.models.catalogue import DetectorSpec, catalogue

SPEC = catalogue()["text_harm"]
TOKENIZER = WindowTokenizer(SPEC)
CLS, SEP = 101, 102


def test_a_short_text_is_one_window() -> None:
    (windows,) = TOKENIZER.windows(["I love this song!"])
    assert len(windows) == 1
    assert (windows[0][0], windows[0][-1]) == (CLS, SEP)


def test_a_text_without_anything_visible_is_one_empty_window() -> None:
    assert TOKENIZER.windows(["\u200b\u200d"]) == [[[CLS, SEP]]]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700))
def test_windows_cover_every_token_and_overlap(words: int) -> None:
    """Every word is a number, so that positions can be told apart."""
    (windows,) = TOKENIZER.windows([" ".join("song" if n % 7 else "drum" for n in range(words))])
    content = [window[1:-1] for window in windows]
    assert all(len(window) <= SPEC.text_input().max_tokens for window in windows)
    overlap = SPEC.text_input().window_overlap_tokens
    joined = content[0] + [token for window in content[1:] for token in window[overlap:]]
    assert len(joined) == words
    for before, after in pairwise(content):
        assert before[-overlap:] == after[:overlap]


def test_the_last_words_of_a_long_text_are_read() -> None:
    (windows,) = TOKENIZER.windows(["calm " * 1_000 + "trombone"])
    (trombone,) = TOKENIZER.windows(["trombone"])
    assert windows[-1][-len(trombone[0]) + 1 :] == trombone[0][1:]


def test_a_detector_of_another_normalisation_is_refused() -> None:
    other: DetectorSpec = replace(SPEC, text=replace(SPEC.text_input(), normalisation="0"))
    with pytest.raises(TokenisationError, match="normalisation"):
        WindowTokenizer(other)
