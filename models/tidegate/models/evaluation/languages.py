"""What a detector of English text says of other languages: shown to prove why the language must be known first."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tidegate.detectors.language import ENGLISH
from tidegate.detectors.language_gate import UNDECIDED, WORDLESS
from tidegate.models.evaluation.measures import Probabilities, roc_auc
from tidegate.models.evaluation.quality import FIRES_AT
from tidegate.models.training.sources.reading import rows

_FINE: Final = "normal"
_PASSES: Final = frozenset({ENGLISH, UNDECIDED, WORDLESS})


@dataclass(frozen=True, slots=True)
class LanguageResult:
    """One language's test texts, by the highest of all labels."""

    language: str
    """ISO 639-1."""
    source: str
    """The data set."""
    offensive: int
    """Texts judged offensive or hateful."""
    fine: int
    """Texts judged neither."""
    roc_auc: float
    """Chance that an offensive text scores above a fine one; 0.5 is guessing."""
    recall_at_4: float
    """Share of offensive texts on which any label reaches severity 4."""
    false_alarms_at_4: float
    """Share of fine texts on which any label does."""
    kept_away: float
    """Share of all texts that the language gate keeps from detectors of English."""


def language_results(
    score: Callable[[Sequence[str]], Probabilities], identify: Callable[[str], str], data: Path, *, limit: int
) -> tuple[LanguageResult, ...]:
    """Scores test texts in German, Chinese, French and Arabic.

    Args:
        score: of the detector.
        identify: a text's language as the gate sees it.
        data: the folder that holds one folder per source.
        limit: most texts of a language, the first ones.

    Raises:
        FileNotFoundError: a data set is missing.
    """
    found = []
    for language, source, judged in (
        ("de", "germeval2018", _germeval(data)),
        ("zh", "cold_zh", _cold(data)),
        ("fr", "mlma", _mlma(data, "fr")),
        ("ar", "mlma", _mlma(data, "ar")),
    ):
        texts, offensive = zip(*[one for one, _ in zip(judged, range(limit), strict=False)], strict=True)
        truth = np.array(offensive)
        highest = score(texts).max(axis=1)
        found.append(
            LanguageResult(
                language=language,
                source=source,
                offensive=int(truth.sum()),
                fine=int((~truth).sum()),
                roc_auc=round(roc_auc(highest, truth), 4),
                recall_at_4=round(float((highest[truth] >= FIRES_AT).mean()), 4),
                false_alarms_at_4=round(float((highest[~truth] >= FIRES_AT).mean()), 4),
                kept_away=kept_away(texts, identify),
            )
        )
    return tuple(found)


def kept_away(texts: Sequence[str], identify: Callable[[str], str]) -> float:
    """Returns the share of texts that the gate keeps from detectors of English."""
    return round(sum(identify(text) not in _PASSES for text in texts) / len(texts), 4)


def _germeval(data: Path) -> Iterator[tuple[str, bool]]:
    with gzip.open(data / "germeval2018" / "germeval2018.test.txt.gz", "rt", encoding="utf-8") as stream:
        for line in stream:
            text, coarse, _ = line.rstrip("\n").split("\t")
            yield text, coarse == "OFFENSE"


def _cold(data: Path) -> Iterator[tuple[str, bool]]:
    for row in rows(data / "cold_zh" / "test.csv"):
        yield row["TEXT"], row["label"] == "1"


def _mlma(data: Path, language: str) -> Iterator[tuple[str, bool]]:
    [path] = sorted((data / "mlma" / "hate_speech_mlma").glob(f"{language}*.csv*"))
    for row in rows(path):
        yield row["tweet"], row["sentiment"] != _FINE
