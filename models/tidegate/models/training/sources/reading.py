"""Opens the files of a source: CSV, TSV and JSON, gzipped or not."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast("TextIO", gzip.open(path, "rt", encoding="utf-8", newline=""))
    return path.open(encoding="utf-8", newline="")


def rows(path: Path, *, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Yields each row of a delimited file with a header."""
    with _open(path) as stream:
        yield from csv.DictReader(stream, delimiter=delimiter)


def document(path: Path) -> Any:
    """Returns a JSON file's content."""
    with _open(path) as stream:
        return json.load(stream)
