"""`python -m tidegate.detectors.images.reading_quality --fonts FOLDER [--photos FOLDER]`: how well words are read.

Makes covers with known words, reads them as the service does, and compares. On photographs without words, given by
`--wordless`, it counts what is read where there is nothing.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.detectors.images.cover_art import Cover, cover
from tidegate.detectors.images.decoding import UnreadableImageError, decode
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.images.reading_order import Piece, rows
from tidegate.detectors.images.words import WordReader
from tidegate.models.catalogue import specification
from tidegate.moderation.budget import Budget

_THRESHOLDS: Final = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
_LEVEL_DEGREES: Final = 1.0
_SMALL_PIXELS: Final = 20.0
_PHOTO_SUFFIXES: Final = frozenset({".jpg", ".jpeg"})


@dataclass(frozen=True, slots=True)
class ReadCover:
    """A cover and what was found on it."""

    cover: Cover
    """What is written."""
    pieces: tuple[Piece, ...]
    """What was found, at any confidence."""
    seconds: float
    """Time of one CPU thread, which does all of it."""

    def accuracy(self, threshold: float) -> float:
        """Returns the share of characters read rightly, with rows compared as one text without regard to case."""
        kept = [one for one in self.pieces if one.confidence >= threshold]
        return accuracy("\n".join(rows(kept)), "\n".join(self.cover.lines))


def accuracy(read: str, written: str) -> float:
    """Returns 1 less the edit distance per written character, at least 0; case and blanks don't count."""
    found, truth = ("".join(text.casefold().split()) for text in (read, written))
    return max(0.0, 1.0 - _distance(found, truth) / len(truth))


def _distance(first: str, second: str) -> int:
    """Levenshtein's edit distance."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def read(covers: Sequence[Cover], reader: WordReader) -> list[ReadCover]:
    """Returns what is found on each."""
    found = []
    for one in covers:
        began = time.thread_time()
        pieces = reader.pieces(one.pixels, Budget.of_ms(1e9)).found
        found.append(ReadCover(one, pieces, time.thread_time() - began))
    return found


def _shown(name: str, some: Sequence[ReadCover], threshold: float) -> str:
    if not some:
        return f"{name:<28} n 0\n"
    shares = [one.accuracy(threshold) for one in some]
    whole = sum(share == 1.0 for share in shares) / len(shares)
    return f"{name:<28} n {len(some):>4}  characters {statistics.mean(shares):.3f}  covers without error {whole:.3f}\n"


def _wordless(folder: Path, reader: WordReader) -> dict[float, int]:
    """Prints nothing; returns how many images give any words, by threshold; and at 0 how many were read."""
    counts = dict.fromkeys((0.0, *_THRESHOLDS), 0)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _PHOTO_SUFFIXES:
            continue
        try:
            frame = decode(path.read_bytes(), ImageLimits()).frames[0]
        except UnreadableImageError:
            continue
        best = max((one.confidence for one in reader.pieces(frame, Budget.of_ms(1e9)).found), default=-1.0)
        counts[0.0] += 1
        for threshold in _THRESHOLDS:
            counts[threshold] += best >= threshold
    return counts


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.detectors.images.reading_quality", description=__doc__)
    parser.add_argument("--fonts", type=Path, required=True, help="folder of .ttf and .otf files")
    parser.add_argument("--photos", type=Path, help="folder of photographs for backgrounds")
    parser.add_argument("--wordless", type=Path, help="folder of photographs without words")
    parser.add_argument("--covers", type=int, default=200)
    parser.add_argument("--threshold", type=float, default=0.6)
    options = parser.parse_args()
    fonts = sorted(path for path in options.fonts.rglob("*") if path.suffix.lower() in {".ttf", ".otf"})
    photos = sorted(path for path in options.photos.rglob("*.jpg")) if options.photos else []
    reader = WordReader(specification("image_text", "1"))
    reader.load()
    found = read([cover(number, fonts=fonts, photos=photos) for number in range(options.covers)], reader)
    for threshold in _THRESHOLDS:
        sys.stdout.write(_shown(f"confidence >= {threshold}", found, threshold))
    parts: dict[str, Callable[[Cover], bool]] = {
        "on photographs": lambda one: one.photo,
        "on gradients": lambda one: not one.photo,
        "level": lambda one: abs(one.degrees) < _LEVEL_DEGREES,
        "turned up to 10 degrees": lambda one: abs(one.degrees) >= _LEVEL_DEGREES,
        "letters below 20 pixels": lambda one: one.letter_height < _SMALL_PIXELS,
        "letters of 20 and more": lambda one: one.letter_height >= _SMALL_PIXELS,
    }
    for name, belongs in parts.items():
        sys.stdout.write(_shown(name, [one for one in found if belongs(one.cover)], options.threshold))
    taken = sorted(one.seconds * 1000 for one in found)
    sys.stdout.write(
        f"CPU ms: median {taken[len(taken) // 2]:.0f}, p95 {taken[int(len(taken) * 0.95)]:.0f}, most {taken[-1]:.0f}\n"
    )
    if options.wordless:
        counts = _wordless(options.wordless, reader)
        shown = "  ".join(f">= {edge}: {count}" for edge, count in counts.items() if edge)
        sys.stdout.write(f"photographs without words: {counts[0.0]}, of which words were read in {shown}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
