"""How often English is taken for another language, and how often another language is seen.

`python -m tidegate.models.evaluation.language_quality --data ../shared/data` prints the tables of
models/cards/text_language.md: the rules of `tidegate.detectors.language` over every text of public sets, in seconds.
"""

import argparse
import gzip
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tidegate.detectors.language import ENGLISH, FastTextLanguages
from tidegate.detectors.language_gate import UNDECIDED, WORDLESS
from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation.sets import invented_titles, short_comments
from tidegate.models.training.sources.reading import rows

_UNNAMED: Final = frozenset({ENGLISH, UNDECIDED, WORDLESS})
"""What the gate lets through to detectors of English."""
_SLANG: Final = (
    "lol",
    "lmao ur so funny",
    "smh my head rn",
    "ngl this slaps fr fr no cap",
    "yo wassup bro",
    "gonna b lit 2nite fam",
    "ikr",
    "omg tysm ily",
    "dis song hits diff",
    "u r the best",
    "im dead",
    "sheesh",
    "finna go to the store wit my cuz",
    "aint nobody got time for dat",
    "deadass bruh",
    "bet, see ya l8r m8",
)
"""Ours: short, and spelt as comments are."""


@dataclass(frozen=True, slots=True)
class SetQuality:
    """What the rule says of one set."""

    name: str
    """The data set, by its language where it has several."""
    language: str
    """ISO 639-1 that all texts are supposed to be in."""
    texts: int
    """How many there are."""
    foreign: int
    """Texts that are told to be in another language than English."""
    right: int
    """Texts whose language is told as supposed."""
    undecided: int
    """Texts whose language is told by nothing: scored as English, and said to be "und"."""
    mistaken_for: tuple[tuple[str, int], ...]
    """The most frequent other languages that were told."""


def language_quality(identify: Callable[[str], str], data: Path) -> tuple[SetQuality, ...]:
    """Measures every set.

    Args:
        identify: a text's language, or "und".
        data: the folder that holds one folder per source.

    Raises:
        FileNotFoundError: a data set is missing.
    """
    ours = (
        _measured(f"short comments (ours) {code}", code, identify, texts) for code, texts in short_comments().items()
    )
    sets = (_measured(name, language, identify, list(read(data))) for name, (language, read) in _SETS.items())
    return (*sets, *ours)


def _measured(name: str, language: str, identify: Callable[[str], str], texts: Sequence[str]) -> SetQuality:
    told = Counter(map(identify, texts))
    foreign = sum(number for code, number in told.items() if code not in _UNNAMED)
    others = Counter({code: number for code, number in told.items() if code not in _UNNAMED | {language}})
    return SetQuality(
        name, language, len(texts), foreign, told[language], told[UNDECIDED], tuple(others.most_common(3))
    )


def _column(*path: str, column: str) -> Callable[[Path], Iterator[str]]:
    return lambda data: (row[column] for row in rows(data.joinpath(*path)))


def _context(data: Path) -> Iterator[str]:
    for name in ("gn", "gc"):
        yield from _column("context_toxicity", f"{name}.csv.gz", column="text")(data)


def _youtube(data: Path) -> Iterator[str]:
    for path in sorted((data / "youtube_spam").glob("*.csv")):
        yield from (row["CONTENT"] for row in rows(path) if row["CLASS"] == "0")


def _sms(data: Path) -> Iterator[str]:
    for line in (data / "sms_spam" / "sms.tsv").read_text(encoding="utf-8").splitlines():
        kind, _, text = line.partition("\t")
        if kind == "ham":
            yield text


def _podcasts(data: Path) -> Iterator[str]:
    for row in rows(data / "awesome_podcasts" / "podcasts.csv"):
        yield from filter(None, (row["title"], row["description"]))


def _germeval(data: Path) -> Iterator[str]:
    for name in ("training", "test"):
        with gzip.open(data / "germeval2018" / f"germeval2018.{name}.txt.gz", "rt", encoding="utf-8") as stream:
            yield from (line.partition("\t")[0] for line in stream)


def _mlma(language: str) -> Callable[[Path], Iterator[str]]:
    return _column("mlma", "hate_speech_mlma", f"{language}_dataset.csv.gz", column="tweet")


_SETS: Final[Mapping[str, tuple[str, Callable[[Path], Iterator[str]]]]] = MappingProxyType(
    {
        "toxic_spans": ("en", _column("toxic_spans", "comments.csv.gz", column="comment_text")),
        "context_toxicity": ("en", _context),
        "youtube_spam, without spam": ("en", _youtube),
        "sms_spam, without spam": ("en", _sms),
        "awesome_podcasts": ("en", _podcasts),
        "surge_profanity, terms": ("en", _column("surge_profanity", "profanity_en.csv", column="text")),
        "davidson": ("en", _column("davidson", "labeled_data.csv.gz", column="tweet")),
        "mlma en": ("en", _mlma("en")),
        "invented titles (ours)": ("en", lambda _: iter(invented_titles())),
        "short slang (ours)": ("en", lambda _: iter(_SLANG)),
        "germeval2018": ("de", _germeval),
        "mlma fr": ("fr", _mlma("fr")),
        "mlma ar": ("ar", _mlma("ar")),
        "cold_zh": ("zh", _column("cold_zh", "test.csv", column="TEXT")),
    }
)


def main() -> None:
    """Prints one row per set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds one folder per source")
    languages = FastTextLanguages(catalogue()["text_language"])
    found = language_quality(lambda text: languages.identify(text).code, parser.parse_args().data)
    heads = "| set | language | n | told to be another than English | as supposed | undecided | else told |"
    lines = [heads, "|" + "---|" * 7]
    for one in found:
        others = ", ".join(f"{code} {number}" for code, number in one.mistaken_for)
        shares = f"{one.foreign / one.texts:.2%} | {one.right / one.texts:.1%} | {one.undecided / one.texts:.1%}"
        lines.append(f"| {one.name} | {one.language} | {one.texts:,} | {shares} | {others} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
