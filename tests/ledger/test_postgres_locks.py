"""Advisory locks in PostgreSQL are numbers of a whole database: two of one number would wait for each other."""

import re
from pathlib import Path

import tidegate.postgres
from tidegate.detectors.banks.postgres_schema import BANKS
from tidegate.ledger.postgres_retention import RETENTION_LOCK
from tidegate.ledger.postgres_schema import LEDGER

CODE = Path(tidegate.postgres.__path__[0]).parent
NUMBER = re.compile(r"\b0x5449_?4447_?[0-9A-Fa-f]{4}_?[0-9A-Fa-f]{4}\b")
"""All begin with "TIDG"."""


def test_no_two_locks_have_one_number() -> None:
    texts = [path.read_text(encoding="utf-8") for path in CODE.rglob("*.py")]
    numbers = sorted(int(number, 16) for text in texts for number in NUMBER.findall(text))
    assert {LEDGER.lock, BANKS.lock, RETENTION_LOCK} <= set(numbers)
    assert numbers == sorted(set(numbers))
