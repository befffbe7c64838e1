# ruff: noqa: RUF001 - ambiguous characters are what is tested
"""What detectors see of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.models.normalisation import normalise


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Hello   world\n\tagain", "Hello world again"),
        ("I&amp;B &lt;3", "I&B <3"),
        ("h\u200be\u200dl\u2060l\ufeffo", "hello"),
        ("𝓱𝓮𝓵𝓵𝓸 ｗｏｒｌｄ", "hello world"),
        ("see https://example.org/a?b=c now", "see link now"),
        ("@some_one hi [USER]", "user hi user"),
        ("soooooo good", "sooo good"),
        ("!!!!!!", "!!"),
        ("😂😂😂😂", "face tears of joy face tears of joy"),
        ("❤️", "heart"),
        ("👍🏽", "thumbs up"),
        ("\u200b", ""),
    ],
)
def test_evasions_and_emoji_become_words(text: str, seen: str) -> None:
    assert normalise(text) == seen


@given(st.text(max_size=200))
def test_any_text_becomes_one_line_without_edges(text: str) -> None:
    seen = normalise(text)
    assert seen == " ".join(seen.split())
    assert "\u200b" not in seen


def test_skin_tone_and_colour_of_emoji_say_nothing_about_people() -> None:
    assert "black" not in normalise("✔ 🖤 ⬛")
