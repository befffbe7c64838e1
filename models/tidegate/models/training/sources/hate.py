"""Sources that judge hate: Davidson, HatemojiBuild, EDOS, DynaHate, SBIC, ToxiGen."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tidegate.models.training.examples import UNKNOWN, Example, Split, targets
from tidegate.models.training.sources.reading import document, rows

Profane = Callable[[str], bool]


_DAVIDSON_HATE = {"0": 1.0, "1": UNKNOWN, "2": 0.0}
"""What they call offensive is full of slurs; whether it is hate they decided by dialect as much as by meaning."""


def davidson(data: Path, profane: Profane) -> Iterator[Example]:
    """Tweets by hate / offensive / neither; wholly held out, because its labels follow dialect (Sap et al. 2019)."""
    for row in rows(data / "davidson" / "labeled_data.csv.gz"):
        text, kind = row["tweet"], row["class"]
        yield Example(
            text,
            targets(hate=_DAVIDSON_HATE[kind], toxic=float(kind != "2"), profanity=float(profane(text))),
            "davidson",
            Split.TEST,
        )


def hatemoji(data: Path, profane: Profane) -> Iterator[Example]:
    """Hate expressed with emoji; upstream's test split is held out."""
    for name, split in (("train", Split.TRAIN), ("validation", Split.TRAIN), ("test", Split.TEST)):
        for row in rows(data / "hatemoji" / f"build_{name}.csv"):
            yield _typed_hate(
                row["text"],
                hate=row["label_gold"] == "1",
                kind=row["type"],
                source="hatemoji",
                split=split,
                profane=profane,
            )


def dynahate(data: Path, profane: Profane) -> Iterator[Example]:
    """Adversarial hate and its contrasts; upstream's test split is held out."""
    for name, split in (("dev", Split.TRAIN), ("test", Split.TEST)):
        for row in rows(data / "dynahate" / f"db_{name}.csv.gz"):
            yield _typed_hate(
                row["text"],
                hate=row["label"] == "hate",
                kind=row["type"],
                source="dynahate",
                split=split,
                profane=profane,
            )


def _typed_hate(text: str, *, hate: bool, kind: str, source: str, split: Split, profane: Profane) -> Example:
    threat = UNKNOWN if kind == "notgiven" else float(kind.startswith("threat"))
    return Example(
        text,
        targets(
            hate=float(hate),
            threat=threat,
            self_harm=0.0,
            toxic=1.0 if hate else UNKNOWN,
            profanity=float(profane(text)),
        ),
        source,
        split,
    )


def edos(data: Path, profane: Profane) -> Iterator[Example]:
    """Sexism on Reddit and Gab. Derogation and threats are hate; milder sexism is left open. Test split held out."""
    for row in rows(data / "edos" / "edos_labelled_aggregated.csv.gz"):
        category, text = row["label_category"], row["text"]
        hate = {"none": 0.0, "1": 1.0, "2": 1.0}.get(category[:1] if category != "none" else "none", UNKNOWN)
        yield Example(
            text,
            targets(
                hate=hate,
                threat=float(category.startswith("1")),
                toxic=1.0 if category != "none" else UNKNOWN,
                profanity=float(profane(text)),
            ),
            "edos",
            Split.TEST if row["split"] == "test" else Split.TRAIN,
        )


def sbic(data: Path, profane: Profane) -> Iterator[Example]:
    """Social Bias Inference Corpus: offence, sexual content and whether a group is the target."""
    for name in ("dev", "tst"):
        for row in rows(data / "sbic" / f"SBIC.v2.agg.{name}.csv.gz"):
            text = row["post"].strip('"').replace('""', '"')
            offensive, sexual = _share(row["offensiveYN"]), _share(row["sexYN"])
            group = row["whoTarget"] not in {"", "0.0"} and row["targetMinority"] not in {"", "[]"}
            hate = 1.0 if group and offensive == 1.0 else 0.0 if offensive == 0.0 else UNKNOWN
            yield Example(
                text,
                targets(hate=hate, sexual=sexual, toxic=offensive, profanity=float(profane(text))),
                "sbic",
                Split.TRAIN,
            )


def _share(value: str) -> float:
    """A share of annotators as a target: a clear majority says yes, nearly nobody says no, else UNKNOWN."""
    share = float(value) if value else 0.5
    return 1.0 if share >= 0.6 else 0.0 if share <= 0.2 else UNKNOWN  # noqa: PLR2004 - a clear majority of annotators


def toxigen(data: Path, profane: Profane) -> Iterator[Example]:
    """Implicit hate about thirteen groups, and neutral sentences about the same groups."""
    for row in document(data / "toxigen" / "toxiGen.json.gz"):
        text, hate = str(row["text"]), float(row["label"] == "hate")
        yield Example(
            text,
            targets(
                hate=hate,
                toxic=hate,
                harassment=UNKNOWN if hate else 0.0,
                threat=UNKNOWN if hate else 0.0,
                sexual=UNKNOWN if hate else 0.0,
                self_harm=0.0,
                profanity=float(profane(text)),
            ),
            "toxigen",
            Split.TRAIN,
        )
