# ruff: noqa: SIM905 - word lists read better as words than as quoted strings
"""Profane words, from surge-ai/profanity (MIT): the weak supervision of the `profanity` label.

Profanity is a property of the words, not of the intention, and few sources judge it. A text that holds one of
these words is marked profane; a person's "profane" mark in toxic_spans counts as well.
"""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

_ORDINARY: Final = frozenset(
    "bbc bender spook nonce snatch slit sheet sack weiner knickers spanking hooters booty sperm jap nig crow dipstick "
    "peter johnson gay homo queer lesbian butt breast breasts nude naked nuts tool pecker fairy organ screw screwed "
    "virgin beaver banana meat bush pie rod shaft wang box kiss sex oral erotic bang blow suck sucks sucked crap damn "
    "hell god jesus christ lord pansy fruit dyke ham chink coon spade apple oreo savage monkey ape rat pig cow dog "
    "moron idiot stupid dumb lame loser fat ugly crazy insane psycho nazi commie terrorist kkk boob boobs facial "
    "period poop pee fart turd heroin cocaine weed escort rape raped molest incest threesome strip stripper".split(),
)
_MIN_SEVERITY: Final = 1.2
_MIN_LENGTH: Final = 3


def profane_words(data: Path) -> Callable[[str], bool]:
    """Returns a test of whether a text holds a profane word.

    Args:
        data: the folder that holds `surge_profanity/profanity_en.csv`.
    """
    with (data / "surge_profanity" / "profanity_en.csv").open(encoding="utf-8", newline="") as stream:
        words = {
            row["text"].lower().strip()
            for row in csv.DictReader(stream)
            if float(row["severity_rating"]) >= _MIN_SEVERITY
        }
    words |= {"shitty", "shits", "bitching", "ass", "bullshit", "asshole", "f**k", "f*ck", "sh*t", "b*tch", "wtf"}
    kept = sorted((w for w in words - _ORDINARY if len(w) >= _MIN_LENGTH), key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, kept)) + r")(?!\w)")
    return lambda text: pattern.search(text.lower()) is not None


_SLUR_CATEGORIES: Final = ("racial / ethnic slurs", "sexual orientation / gender")
_MIN_SLUR_SEVERITY: Final = 2.0


def slurs(data: Path) -> list[str]:
    """Returns slurs about groups, one word each, for the slots of the written corpus.

    Args:
        data: the folder that holds `surge_profanity/profanity_en.csv`.
    """
    with (data / "surge_profanity" / "profanity_en.csv").open(encoding="utf-8", newline="") as stream:
        found = {
            row["text"].lower().strip()
            for row in csv.DictReader(stream)
            if row["category_1"] in _SLUR_CATEGORIES and float(row["severity_rating"]) >= _MIN_SLUR_SEVERITY
        }
    return sorted(word for word in found if word.isalpha() and not word.endswith("s"))
