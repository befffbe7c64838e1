"""Ordinary text, so that ordinary text scores low: Wikipedia talk pages, video comments, messages, podcasts."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tidegate.models.training.examples import UNKNOWN, Example, Split, targets
from tidegate.models.training.sources.reading import rows

Profane = Callable[[str], bool]


def context_toxicity(data: Path, profane: Profane) -> Iterator[Example]:
    """Wikipedia talk comments at natural prevalence. The 10,000 judged with context are held out."""
    for name, split in (("gn", Split.TRAIN), ("gc", Split.TEST)):
        for row in rows(data / "context_toxicity" / f"{name}.csv.gz"):
            text = row["text"]
            yield Example(text, _mild(text, profane, toxic=row["label"] == "1"), "context_toxicity", split)


def youtube(data: Path, profane: Profane) -> Iterator[Example]:
    """Comments under three music videos, without the spam; the third video is held out."""
    for name, split in (("01-Psy", Split.TRAIN), ("02-KatyPerry", Split.TRAIN), ("03-LMFAO", Split.TEST)):
        for row in rows(data / "youtube_spam" / f"Youtube{name}.csv"):
            if row["CLASS"] == "0":
                yield Example(row["CONTENT"], _mild(row["CONTENT"], profane), "youtube_spam", split)


def sms(data: Path, profane: Profane) -> Iterator[Example]:
    """Personal messages; two in three are held out, for false alarms."""
    lines = (data / "sms_spam" / "sms.tsv").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        kind, _, text = line.partition("\t")
        if kind == "ham":
            # Personal messages flirt; nobody judged that, so sexual stays open in training.
            marks = _mild(text, profane, sexual=UNKNOWN)
            yield Example(text, marks, "sms_spam", Split.TEST if number % 3 else Split.TRAIN)


def podcasts(data: Path, profane: Profane) -> Iterator[Example]:
    """Podcast titles and descriptions; wholly held out, for false alarms."""
    for row in rows(data / "awesome_podcasts" / "podcasts.csv"):
        for text in (row["title"], row["description"]):
            if text:
                yield Example(text, _mild(text, profane), "awesome_podcasts", Split.TEST)


def _mild(text: str, profane: Profane, *, toxic: bool = False, sexual: float = 0.0) -> tuple[float, ...]:
    profanity = float(profane(text))
    if toxic:
        return targets(toxic=1.0, profanity=profanity)
    return targets(default=0.0, profanity=profanity, sexual=sexual)
