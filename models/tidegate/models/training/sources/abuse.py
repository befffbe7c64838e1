"""Sources that judge insults, threats and toxicity in general: Toxic Spans, ParaDetox, ConvAbuse."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from tidegate.models.training.examples import UNKNOWN, Example, Split, targets
from tidegate.models.training.sources.reading import rows

Profane = Callable[[str], bool]

_HELD_OUT_BOT = "CarbonBot"


def toxic_spans(data: Path, profane: Profane) -> Iterator[Example]:
    """Civil Comments whose annotators marked spans by type. One comment in ten is held out, by its id."""
    folder = data / "toxic_spans"
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in rows(folder / "spans.csv.gz"):
        kinds[row["annotation"]].add(row["type"])
    marks: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(folder / "annotations.csv.gz"):
        count = marks[row["comment_id"]]
        if row["all toxic"] == "True" and row["not toxic"] == "True":  # the task was skipped: says nothing
            continue
        count["annotators"] += 1
        count["not toxic"] += row["not toxic"] == "True"
        count.update(kinds.get(row["annotation"], set()))
    for row in rows(folder / "comments.csv.gz"):
        count, text = marks[row["comment_id"]], row["comment_text"]
        if count["annotators"] < 2:  # noqa: PLR2004 - one person's word is not enough
            continue
        profanity = _majority(count, "Profane/Obscene")
        yield Example(
            text,
            targets(
                hate=_majority(count, "Identity based Attack"),
                harassment=_majority(count, "Insult"),
                threat=_majority(count, "Threat"),
                toxic=1.0 - _majority(count, "not toxic") if _majority(count, "not toxic") != UNKNOWN else UNKNOWN,
                profanity=1.0 if profane(text) else profanity,
            ),
            "toxic_spans",
            Split.TEST if int(row["comment_id"]) % 10 == 0 else Split.TRAIN,
        )


def _majority(count: Counter[str], kind: str) -> float:
    share = count[kind] / count["annotators"]
    return 1.0 if share >= 0.5 else 0.0 if share == 0 else UNKNOWN  # noqa: PLR2004 - half of the annotators


def paradetox(data: Path, profane: Profane) -> Iterator[Example]:
    """Toxic sentences and their neutral rewrites."""
    for row in rows(data / "paradetox" / "paradetox.tsv.gz", delimiter="\t"):
        toxic, neutral = row["toxic"], row["neutral1"]
        yield Example(
            toxic,
            targets(toxic=1.0, self_harm=0.0, profanity=float(profane(toxic))),
            "paradetox",
            Split.TRAIN,
        )
        if neutral:
            yield Example(
                neutral,
                targets(hate=0.0, harassment=0.0, toxic=0.0, self_harm=0.0, profanity=float(profane(neutral))),
                "paradetox",
                Split.TRAIN,
            )


def convabuse(data: Path, profane: Profane) -> Iterator[Example]:
    """What people said to two chatbots; everything said to the second of them is held out."""
    for row in rows(data / "convabuse" / "ConvAbuseEMNLPtrain.csv"):
        abused, fine = _votes(row, "is_abuse.-1", "is_abuse.-2", "is_abuse.-3"), _votes(row, "is_abuse.1")
        sexual = _votes(row, "sex_harassment")
        harassment = 1.0 if abused > fine else 0.0 if abused == 0 else UNKNOWN
        yield Example(
            row["user"],
            targets(
                harassment=harassment,
                sexual=1.0 if sexual > 1 or (sexual and not fine) else 0.0 if sexual == 0 else UNKNOWN,
                toxic=harassment,
                self_harm=0.0,
                profanity=float(profane(row["user"])),
            ),
            "convabuse",
            Split.TEST if row["bot"] == _HELD_OUT_BOT else Split.TRAIN,
        )


def _votes(row: dict[str, str], *questions: str) -> int:
    return sum(
        any(row.get(f"Annotator{annotator}_{question}", "").startswith("1") for question in questions)
        for annotator in range(1, 9)
    )
