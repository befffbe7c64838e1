"""Decision records of an account. The ledger has no index by account: each look reads all of it, a page at a time."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from tidegate.accounts.held import AccountStoreUnavailableError, Span, Store
from tidegate.ledger.sqlite_archive import SqliteArchive


class LedgerRecords:
    """Reads one ledger's file beside whoever writes it. A ledger that is not there holds nothing."""

    def __init__(self, path: Path) -> None:
        """Remembers where it lies."""
        self._path = path

    def records(self, account_id: str) -> Iterator[dict[str, Any]]:
        """The account's records as the ledger holds them, in the order of recording.

        Raises:
            AccountStoreUnavailableError: The ledger can't be read.
        """
        if not self._path.is_file():
            return
        needle = b'"account_id":' + orjson.dumps(account_id)  # records are canonical JSON: no spaces
        try:
            with contextlib.closing(SqliteArchive(self._path)) as archive:
                for payload in archive.payloads():
                    if needle in payload:
                        record: dict[str, Any] = orjson.loads(payload)
                        if record["account_id"] == account_id:
                            yield record
        except (sqlite3.Error, OSError, ValueError) as error:
            raise AccountStoreUnavailableError(Store.DECISIONS, f"the ledger can't be read: {error}") from error

    def span(self, account_id: str) -> Span:
        """How many there are, and of when. Raises AccountStoreUnavailableError."""
        found = Span()
        for record in self.records(account_id):
            found = found.with_one(decided_at(record))
        return found


def decided_at(record: dict[str, Any]) -> datetime:
    """When the decision was made, UTC."""
    return datetime.fromisoformat(record["decided_at"])
