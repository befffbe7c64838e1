"""Stacked and invisible marks: "stuffing" that hides a word from a detector and not from a reader, removed.

Runs before compatibility folding, which sorts each run of marks in quadratic time: 100,000 stacked marks would take
minutes. Pure.
"""

import re
import unicodedata
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u00ad\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e0fff]+"
)
"""Zero-width, fillers, variation selectors, tags; also between two parts of an emoji, which are spelt one by one."""
_DRAWN_MARKS: Final = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_STACK: Final = re.compile(rf"[{_DRAWN_MARKS}]{{3,}}")
_MARK: Final = re.compile(rf"[{_DRAWN_MARKS}]")
_MARKED: Final = re.compile(rf"([^{_DRAWN_MARKS}])([{_DRAWN_MARKS}]{{1,2}})")
_MOST_MARKS: Final = 8


def without_stuffing(text: str) -> str:
    """Returns the text without invisible characters and marks; the accents that languages write stay.

    One or two marks stay where they make one letter with theirs (é, ế); otherwise, and from three on, all go.

    Args:
        text: any text, not yet folded.
    """
    seen = _INVISIBLE.sub("", text).replace("\u2800", " ")
    if _MARK.search(seen):
        seen = _MARK.sub("", _MARKED.sub(_composed, _STACK.sub("", seen)))
    return _shortened(seen)


def _composed(match: re.Match[str]) -> str:
    one = unicodedata.normalize("NFC", match[0])
    return one if len(one) == 1 else match[1]


def _shortened(text: str) -> str:
    """Cuts longer runs of marks of any script; no language stacks so many."""
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)
