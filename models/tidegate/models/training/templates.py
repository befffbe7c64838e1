"""Generated examples: ordinary titles and comments, and contrast pairs that turn on meaning, not on one word.

First baselines failed on negated hate, counter-speech, positive identity and idioms. Each kind of clean pattern here
has its counterpart that is not clean, so that neither an identity nor a verb alone decides.
"""

import random
from collections.abc import Iterator
from typing import Final

from tidegate.models.training import people, phrases, titles, words
from tidegate.models.training.examples import CLEAN, UNKNOWN, Example, Split, targets

SOURCE: Final = "templates"

_KINDS: Final = (
    (phrases.IDENTITY_CLEAN, 1200, CLEAN),
    (phrases.COUNTER_SPEECH, 900, CLEAN),
    (people.PEOPLE_CLEAN, 1500, CLEAN),
    (people.PEOPLE_HATE, 500, targets(default=0.0, hate=1.0, toxic=1.0, harassment=UNKNOWN, threat=UNKNOWN)),
    (phrases.HATE, 1300, targets(default=0.0, hate=1.0, toxic=1.0, harassment=UNKNOWN, threat=UNKNOWN)),
    (phrases.SELF_HARM, 420, targets(default=0.0, self_harm=1.0, toxic=UNKNOWN)),
    (phrases.SELF_HARM_URGED, 60, targets(default=0.0, self_harm=1.0, harassment=1.0, toxic=1.0, threat=UNKNOWN)),
    (phrases.SELF_HARM_CLEAN, 420, CLEAN),
    (phrases.THREAT, 420, targets(default=0.0, threat=1.0, toxic=1.0, harassment=UNKNOWN, hate=UNKNOWN)),
    (phrases.THREAT_CLEAN, 420, CLEAN),
    (phrases.SEXUAL, 360, targets(default=0.0, sexual=1.0, toxic=UNKNOWN, harassment=UNKNOWN)),
    (phrases.SEXUAL_CLEAN, 300, CLEAN),
    (phrases.HARASSMENT, 360, targets(default=0.0, harassment=1.0, toxic=1.0)),
    (phrases.HARASSMENT_CLEAN, 500, CLEAN),
    (phrases.COMMENTS, 900, CLEAN),
    (titles.PATTERNS, 1800, CLEAN),
)


def templated(seed: int) -> Iterator[Example]:
    """Yields the generated examples, all for training; equal seeds give equal examples."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    for patterns, count, marks in _KINDS:
        seen: set[str] = set()
        for _ in range(count):
            text = _fill(chance, chance.choice(patterns))
            if patterns is not titles.PATTERNS:
                ending = chance.choice(words.ENDINGS) if text[-1:].isalnum() else ""
                text = f"{chance.choice(words.OPENERS)}{text}{ending}"
            if text not in seen:
                seen.add(text)
                yield Example(text, marks, SOURCE, Split.TRAIN)


def _fill(chance: random.Random, pattern: str) -> str:
    text = pattern.format(
        group=chance.choice(words.GROUPS),
        group2=chance.choice(words.GROUPS),
        person=chance.choice(words.PERSONS),
        thing=chance.choice(words.THINGS),
        way=chance.choice(words.WAYS),
        place=chance.choice(words.PLACES),
        first=chance.choice(titles.FIRST),
        second=chance.choice(titles.SECOND),
        second2=chance.choice(titles.SECOND),
        end=chance.choice(words.ENDINGS),
        adjective=chance.choice(people.ADJECTIVES),
        adjective2=chance.choice(people.ADJECTIVES),
        role=chance.choice(people.ROLES),
        role2=chance.choice(people.ROLES),
        people=chance.choice(people.GROUPS_OF),
        people2=chance.choice(people.GROUPS_OF),
        deed=chance.choice(people.DEEDS),
    )
    return text.lower() if chance.random() < 0.3 else text[:1].upper() + text[1:]  # noqa: PLR2004
