# ruff: noqa: RUF001 - look-alikes are what this module is about
"""Character evasions: what people do to a word so that a filter does not see it, as seeded generators.

For augmentation and for the measure of robustness. The two draw on different `Disguises` where a table allows it, so
that a detector is measured on substitutions that it was never shown. Pure.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Evasion(StrEnum):
    """One way to change a word."""

    LEET = "leet"
    SPACING = "spacing"
    PUNCTUATION = "punctuation"
    DELETION = "deletion"
    SWAP = "swap"
    REPETITION = "repetition"
    CONFUSABLES = "confusables"
    ZERO_WIDTH = "zero_width"
    CASE = "case"
    MASKING = "masking"
    EMOJI = "emoji"
    JOINING = "joining"


@dataclass(frozen=True, slots=True)
class Disguises:
    """The characters to draw from."""

    leet: dict[str, str]
    """Letter to the signs that may stand for it."""
    look_alikes: dict[str, str]
    """Letter to letters of other alphabets that look like it."""
    separators: str
    """To put between all letters of a word."""
    punctuation: str
    """To put once or twice into a word."""
    invisible: str
    """Zero-width characters."""
    masks: tuple[str, ...]
    """To put in place of a letter."""
    emoji: str
    """To put into a word."""


TRAINING: Final = Disguises(
    leet={"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1", "b": "8"},
    look_alikes={"a": "а", "e": "е", "i": "і", "o": "о", "c": "с", "p": "р", "x": "х", "y": "у", "h": "һ", "s": "ѕ"},
    separators=" .-_",
    punctuation=".-'_",
    invisible="\u200b\u200d\u00ad",
    masks=("*", "**"),
    emoji="😂🔥💀🙏😡❤💯😭👀🎉😎💩🤮🙄😈🌈🍑💪🥺🚀⭐🎶🖕😤",
)
"""What augmentation uses."""

EVALUATION: Final = Disguises(
    leet={"a": "^", "e": "€", "i": "|¡", "o": "()", "s": "z§", "t": "+", "l": "|£", "g": "9", "c": "(", "u": "v"},
    look_alikes={
        "a": "αᎪ",
        "e": "ҽε",
        "i": "ι",
        "o": "οօ",
        "c": "ⲥ",
        "p": "ρ",
        "u": "υս",
        "n": "ոπ",
        "t": "τ",
        "k": "κ",
    },
    separators="*~/·",
    punctuation="*~,^",
    invisible="\u2060\u200c\u200e\ufeff",
    masks=("#", "%", "•"),
    emoji="🍆🤡✨👏🐍",
)
"""What robustness is measured with."""

_FEWEST_LETTERS: Final = 4
_MOST_WORDS: Final = 3
_WORD: Final = re.compile(r"[^\W\d_]+")
_STOP_WORDS: Final = frozenset(
    (  # noqa: SIM905 - a list of words reads better as words
        "about after again also been before being from have here just like more only other over such than that their "
        "them then there these they this those very were what when where which while will with would your"
    ).split()
)


def evade(text: str, evasion: Evasion, chance: random.Random, disguises: Disguises = TRAINING) -> str:
    """Returns the text with one to three of its content words changed, and the rest as it was.

    Args:
        text: any text; one without a content word (longer than three letters, no stop word) comes back unchanged.
        evasion: how to change the words.
        chance: decides everything; equally seeded, equal results.
        disguises: the characters to draw from: `TRAINING` or `EVALUATION`.
    """
    words = [
        one for one in _WORD.finditer(text) if len(one[0]) >= _FEWEST_LETTERS and one[0].lower() not in _STOP_WORDS
    ]
    if not words:
        return text
    chosen = chance.sample(words, min(len(words), chance.randint(1, _MOST_WORDS)))
    if evasion is Evasion.JOINING:
        return _joined(text, chosen)
    change = _CHANGES[evasion]
    for one in sorted(chosen, key=lambda word: -word.start()):
        text = f"{text[: one.start()]}{change(one[0], chance, disguises)}{text[one.end() :]}"
    return text


def _joined(text: str, chosen: list[re.Match[str]]) -> str:
    """Takes away the blank before each chosen word, or the one behind it where none is before."""
    for one in sorted(chosen, key=lambda word: -word.start()):
        if text[: one.start()].endswith(" "):
            text = text[: one.start() - 1] + text[one.start() :]
        elif text[one.end() :].startswith(" "):
            text = text[: one.end()] + text[one.end() + 1 :]
    return text


def _substituted(word: str, table: dict[str, str], chance: random.Random) -> str:
    """Replaces a random half of the letters that the table knows, at least one; a word without any stays."""
    places = [place for place, letter in enumerate(word) if letter.lower() in table]
    letters = list(word)
    for place in chance.sample(places, min(len(places), max(1, len(places) // 2))):
        letters[place] = chance.choice(table[letters[place].lower()])
    return "".join(letters)


def _inserted(word: str, signs: str, chance: random.Random) -> str:
    """Puts one or two signs between letters."""
    letters = list(word)
    for place in sorted(chance.sample(range(1, len(word)), chance.randint(1, 2)), reverse=True):
        letters.insert(place, chance.choice(signs))
    return "".join(letters)


def _masked(word: str, chance: random.Random, disguises: Disguises) -> str:
    inner = [place for place in range(1, len(word) - 1) if word[place].lower() in "aeiou"] or list(
        range(1, len(word) - 1)
    )
    place = chance.choice(inner)
    return f"{word[:place]}{chance.choice(disguises.masks)}{word[place + 1 :]}"


def _deleted(word: str, chance: random.Random, _: Disguises) -> str:
    place = chance.randrange(1, len(word))
    return word[:place] + word[place + 1 :]


def _swapped(word: str, chance: random.Random, _: Disguises) -> str:
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    place = chance.choice([place for place in places if place] or places or [0])
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _repeated(word: str, chance: random.Random, _: Disguises) -> str:
    place = chance.randrange(len(word))
    return word[:place] + word[place] * chance.randint(2, 5) + word[place + 1 :]


def _case_mixed(word: str, chance: random.Random, _: Disguises) -> str:
    turned = chance.sample(range(len(word)), chance.randint(1, len(word) // 2))
    return "".join(letter.swapcase() if place in turned else letter for place, letter in enumerate(word))


_CHANGES: Final[dict[Evasion, Callable[[str, random.Random, Disguises], str]]] = {
    Evasion.LEET: lambda word, chance, disguises: _substituted(word, disguises.leet, chance),
    Evasion.SPACING: lambda word, chance, disguises: chance.choice(disguises.separators).join(word),
    Evasion.PUNCTUATION: lambda word, chance, disguises: _inserted(word, disguises.punctuation, chance),
    Evasion.DELETION: _deleted,
    Evasion.SWAP: _swapped,
    Evasion.REPETITION: _repeated,
    Evasion.CONFUSABLES: lambda word, chance, disguises: _substituted(word, disguises.look_alikes, chance),
    Evasion.ZERO_WIDTH: lambda word, chance, disguises: _inserted(word, disguises.invisible, chance),
    Evasion.CASE: _case_mixed,
    Evasion.MASKING: _masked,
    Evasion.EMOJI: lambda word, chance, disguises: _inserted(word, disguises.emoji, chance),
}
