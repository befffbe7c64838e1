"""Files of hashes to import: CSV with a header, a hash per row."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.detectors.banks.bank import MAX_ENTRY_ID, MAX_HASHES, hash_of_hex
from tidegate.detectors.banks.pdq import MIN_QUALITY

SHOWN_PROBLEMS: Final = 10
"""The first wrong rows are told of."""


class BankFileError(Exception):
    """The file can't be imported. The message names its first wrong rows; nothing of it was sent."""


@dataclass(frozen=True, slots=True)
class BankFile:
    """What a file holds."""

    entries: tuple[pb.NewBankEntry, ...]
    """In the order of their first rows."""
    featureless: int
    """Rows left out because their quality is below 50."""


def read_bank_file(path: Path, *, id_column: str, hash_column: str, quality_column: str) -> BankFile:
    """The entries in a file; rows with the same id are hashes of one entry.

    Args:
        path: UTF-8, with a header.
        id_column: Where the id is.
        hash_column: Where the hash is, as 64 hexadecimal digits.
        quality_column: Where the PDQ quality is, if the file has that column.

    Raises:
        BankFileError: It can't be read, or a row is wrong.
    """
    content = _Content(id_column, hash_column, quality_column)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = reader.fieldnames or ()
            missing = [name for name in (id_column, hash_column) if name not in columns]
            if missing:
                raise BankFileError(f"{path} has no column {' and no '.join(missing)}; it has {', '.join(columns)}")
            for row in reader:
                content.take(row, line=reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BankFileError(f"{path} can't be read as CSV in UTF-8") from error
    if content.problems:
        left = len(content.problems) - SHOWN_PROBLEMS
        more = [f"… and {left} more"] if left > 0 else []
        raise BankFileError("\n".join([f"{path} is not imported:", *content.problems[:SHOWN_PROBLEMS], *more]))
    entries = (pb.NewBankEntry(id=each, hashes=pb.PdqHashes(hashes=values)) for each, values in content.hashes.items())
    return BankFile(tuple(entries), content.featureless)


class _Content:
    """What was read so far."""

    def __init__(self, id_column: str, hash_column: str, quality_column: str) -> None:
        self._columns = id_column, hash_column, quality_column
        self.hashes: dict[str, list[str]] = {}
        self.problems: list[str] = []
        self.featureless = 0

    def take(self, row: Mapping[str, str | None], *, line: int) -> None:
        """Adds a row, or notes what is wrong with it."""
        id_column, hash_column, quality_column = self._columns
        try:
            if _too_little_to_see(row.get(quality_column)):
                self.featureless += 1
                return
            entry_id, value = row[id_column] or "", hash_of_hex(row[hash_column] or "").hex()
            _check(entry_id, value, self.hashes.setdefault(entry_id, []))
        except ValueError as error:
            self.problems.append(f"line {line}: {error}")


def _too_little_to_see(quality: str | None) -> bool:
    if not quality:
        return False
    if not quality.strip().isdigit():
        raise ValueError("the quality must be a number from 0 to 100")
    return int(quality) < MIN_QUALITY


def _check(entry_id: str, value: str, known: list[str]) -> None:
    if not 1 <= len(entry_id) <= MAX_ENTRY_ID or not entry_id.isprintable():
        raise ValueError(f"the id must have 1 to {MAX_ENTRY_ID} printable characters")
    if value not in known:
        known.append(value)
    if len(known) > MAX_HASHES:
        raise ValueError(f"an entry has at most {MAX_HASHES} hashes")
