"""Texts become hashed n-grams, the same at training and at serving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.models.ngrams import FIRST_PIECE, NOTHING, VOCABULARY, NgramTokenizer

TOKENIZER = NgramTokenizer(normalisation="2", words=100, overlap=25)


def _ids(text: str) -> list[int]:
    (windows,) = TOKENIZER.windows([text])
    assert len(windows) == 1
    return windows[0]


def test_ids_never_change() -> None:
    """Weights are trained for these ids: another id for a text is another detector."""
    assert _ids("ok") == [0, 6979, 13381, 20792, 32121, 71731, 72246, 74038, 78974, 125299, 179167]


def test_links_and_telephones_are_one_word_each() -> None:
    assert _ids("go to http://a.example/1 now") == _ids("go to www.other.example/zzz now")
    assert _ids("call +1 202 555 0147") == _ids("call (202) 555-0188")


def test_mark_up_is_no_text() -> None:
    assert _ids("nice<br />song") == _ids("nice song")
    assert _ids("I&#39;m <b>here</b>") == _ids("I'm here")


@pytest.mark.parametrize("disguised", ["s u b s c r i b e to me", "subscr1be to me", "ѕubsсribe to me"])  # noqa: RUF001
def test_disguises_give_the_ids_of_the_word(disguised: str) -> None:
    assert _ids(disguised) == _ids("subscribe to me")


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "<br />"])
def test_a_text_without_anything_visible_is_one_empty_window(text: str) -> None:
    assert TOKENIZER.windows([text]) == [[[NOTHING]]]


@given(st.text(max_size=300))
def test_windows_are_rising_ids_within_the_vocabulary(text: str) -> None:
    for window in TOKENIZER.windows([text])[0]:
        assert window[0] == NOTHING
        assert window == sorted(set(window))
        assert window[-1] < VOCABULARY


def test_every_word_of_a_long_text_is_in_a_window() -> None:
    words = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(333)]
    (windows,) = TOKENIZER.windows([" ".join(words)])
    assert len(windows) == 5
    seen = {one for window in windows for one in window if one >= FIRST_PIECE}
    alone = {one for word in words for one in _ids(word) if one >= FIRST_PIECE}
    assert seen == alone


@pytest.mark.parametrize("part", ["a", "x. ", "a.b.", "<a ", "www.", "com ", "1-", "check http://x.example "])
def test_a_text_of_100_000_characters_has_bounded_windows(part: str) -> None:
    (windows,) = TOKENIZER.windows([part * (100_000 // len(part))])
    assert max(map(len, windows)) <= 100 * 80
    assert len(windows) <= 100_000 / 75 + 1


def test_windows_that_overlap_wholly_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        NgramTokenizer(normalisation="2", words=10, overlap=10)
