"""Examples of `text_spam`: comments under videos, messages, written lines, and ordinary text as background.

Only comments carry full weight: they are what the detector reads. Messages and background are many and unlike comments,
so their weights keep them from deciding how likely spam is; measured in the card.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.models.training.sources.reading import rows

THREADS: Final = {"Psy": "Youtube01-Psy", "KatyPerry": "Youtube02-KatyPerry", "LMFAO": "Youtube03-LMFAO"}
"""Comment threads of youtube_spam, by video."""
WRITTEN: Final = "written"
MESSAGES: Final = "sms_spam"
BACKGROUND: Final = ("toxic_spans", "context_toxicity", "ordinary lines")

_FOLDER: Final = Path(__file__).resolve().parent / "corpus"
_FILLS: Final = 3
_HARMLESS_FILES: Final = ("ordinary", "titles", "long_forms")
_BACKGROUND_TEXTS: Final = 3_000
_EMPTY_COUNTS: Final = 30.0
"""Weight of the empty text: without it nothing holds the bias, and nothing at all was spam at 0.9."""
_SLOT: Final = re.compile(r"\{(\w+)\}")
_SLOTS: Final[Mapping[str, Sequence[str]]] = {
    "name": (
        "Anna", "Marcus", "Lena", "Tariq", "Sofia", "Dan", "Priya", "Kofi",
        "Mei", "Olu", "Eva", "Jonas", "Sandra", "Kevin", "Nina", "Peter",
    ),
    "channel": ("TheLoftTapes", "PixelHarbour", "DailyMoose", "LenaPlaysDrums", "BigBeatBakery", "northwindvlogs"),
    "site": ("shop.example", "www.fastfans.example", "promo-hub.example", "bestdeals.example/offer", "tunes4u.example"),
    "link": (
        "http://bit.example/a8Fk2", "https://www.earnbig.example/ref=4432", "https://youtu.example/watch?v=8sJkq2",
        "www.facebook.example/pages/12345", "http://stream.example/live", "youtube.example/user/somebody",
    ),
    "phone": ("+1 202 555 0147", "+44 1632 960 083", "(202) 555-0188", "+12025550119", "202-555-0164"),
    "handle": ("lena_beats", "kofi.trades", "dj_otter", "mrs_sofia_fx", "real_marcus", "beatz4u", "star_dust99"),
    "number": ("5", "10", "12", "15", "20", "30", "50", "100", "200", "300", "500", "1000", "1k", "10k", "25000"),
    "money": ("$50", "$100", "$500", "$5000", "£20", "£300", "€50", "5 dollars", "10 bucks", "$10k", "20 euros"),
    "game": ("minecraft", "roblox", "fortnite", "fifa", "call of duty", "gta", "pubg", "chess"),
    "genre": ("rock", "metal", "jazz", "hip hop", "rap", "techno", "country", "dubstep", "folk", "edm", "pop", "r&b"),
    "thing": ("cooking", "makeup", "history", "guitar", "cars", "gardening", "football", "science", "sewing", "dogs"),
    "coin": ("bitcoin", "btc", "eth", "crypto", "dogecoin", "usdt"),
    "year": tuple(map(str, range(2009, 2027))),
    "song": ("Midnight Ferry", "Paper Lanterns", "Glass Houses", "Cold Coffee", "Neon Rain", "Run With Me", "Static"),
}  # fmt: skip
"""Reserved addresses, telephone numbers for fiction, invented names."""


@dataclass(frozen=True, slots=True)
class SpamExample:
    """One text, and whether it is spam."""

    text: str
    spam: bool
    source: str
    """A thread of `THREADS`, `WRITTEN`, `MESSAGES`, one of `BACKGROUND`, or another source for tests."""
    weight: float
    """In the loss; 0 where it is only measured on."""


def training_examples(data: Path, *, seed: int) -> list[SpamExample]:
    """Returns everything that may be trained on.

    Args:
        data: the folder that holds one folder per source.
        seed: of the draw from large sources and of the fillings of slots.
    """
    return [*_comments(data), *written(seed), *_messages(data, held_out=False), *_background(data, seed)]


def measured_examples(data: Path, *, seed: int) -> list[SpamExample]:
    """Returns what is never trained on, besides held-out threads: messages, and ordinary texts of four kinds."""
    return [
        *_messages(data, held_out=True),
        *_drawn(_civil(data, odd=True), "toxic_spans", seed, weight=0.0),
        *_drawn(_texts(data / "context_toxicity" / "gc.csv.gz", "text"), "context_toxicity", seed, weight=0.0),
        *_drawn(_texts(data / "awesome_podcasts" / "podcasts.csv", "description"), "podcasts", seed, weight=0.0),
        *_drawn(_texts(data / "awesome_podcasts" / "podcasts.csv", "title"), "podcast titles", seed, weight=0.0),
    ]


def written(seed: int) -> Iterator[SpamExample]:
    """Yields the lines of `corpus/spam.txt`, slots filled; a line counts once, however often it is filled."""
    spam: bool | None = None
    for raw in (_FOLDER / "spam.txt").read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("=="):
            spam = {"spam=1": True, "spam=0": False}[line.rpartition("|")[2].strip()]
            continue
        if spam is None:
            raise ValueError("spam.txt: a text before the first section")
        chance = random.Random(f"{seed}|{line}")  # noqa: S311 - not a secret
        fills = _FILLS if _SLOT.search(line) else 1
        for text in dict.fromkeys(_filled(line, chance) for _ in range(fills)):
            yield SpamExample(text, spam, WRITTEN, 1.0 / fills)


def _filled(line: str, chance: random.Random) -> str:
    return _SLOT.sub(lambda slot: chance.choice(_SLOTS[slot[1]]), line)


def _comments(data: Path) -> Iterator[SpamExample]:
    for thread, name in THREADS.items():
        for row in rows(data / "youtube_spam" / f"{name}.csv"):
            yield SpamExample(row["CONTENT"], row["CLASS"] == "1", thread, 1.0)


def _messages(data: Path, *, held_out: bool) -> Iterator[SpamExample]:
    """Every second message is held out."""
    lines = (data / "sms_spam" / "sms.tsv").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if bool(number % 2) != held_out:
            continue
        kind, _, text = line.partition("\t")
        yield SpamExample(text, kind == "spam", MESSAGES, 0.0 if held_out else 0.1 if kind == "spam" else 0.02)


def _background(data: Path, seed: int) -> Iterator[SpamExample]:
    yield from _drawn(_civil(data, odd=False), "toxic_spans", seed, weight=0.05)
    yield from _drawn(_texts(data / "context_toxicity" / "gn.csv.gz", "text"), "context_toxicity", seed, weight=0.05)
    yield SpamExample("", spam=False, source="ordinary lines", weight=_EMPTY_COUNTS)
    for name in _HARMLESS_FILES:
        harmless = False
        for line in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("=="):
                harmless = "default=0" in line and "=1" not in line
            elif harmless and line.strip() and not line.startswith("#") and not _SLOT.search(line):
                yield SpamExample(line.strip(), spam=False, source="ordinary lines", weight=0.2)


def _civil(data: Path, *, odd: bool) -> list[str]:
    """Civil Comments; every second one is for measuring."""
    return _texts(data / "toxic_spans" / "comments.csv.gz", "comment_text")[int(odd) :: 2]


def _texts(path: Path, column: str) -> list[str]:
    return [row[column] for row in rows(path) if row[column]]


def _drawn(texts: Sequence[str], source: str, seed: int, *, weight: float) -> Iterator[SpamExample]:
    chance = random.Random(f"{seed}|{source}")  # noqa: S311 - not a secret
    for text in chance.sample(texts, min(len(texts), _BACKGROUND_TEXTS)):
        yield SpamExample(text, spam=False, source=source, weight=weight)
