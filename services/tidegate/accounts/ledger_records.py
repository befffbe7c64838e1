"""Decision records of an account. The ledger has no index by account: each look reads all of it, a page at a time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from tidegate.accounts.held import AccountStoreUnavailableError, Span, Store
from tidegate.ledger.archive import LedgerPlace, LedgerUnreadableError, NoLedgerError


class LedgerRecords:
    """Reads one ledger beside whoever writes it. A ledger that is not there holds nothing."""

    def __init__(self, place: LedgerPlace) -> None:
        """Remembers where it lies."""
        self._place = place

    def records(self, account_id: str) -> Iterator[dict[str, Any]]:
        """The account's records as the ledger holds them, in the order of recording.

        Raises:
            AccountStoreUnavailableError: The ledger can't be read.
        """
        needle = b'"account_id":' + orjson.dumps(account_id)  # records are canonical JSON: no spaces
        try:
            with self._place.opened() as archive:
                for payload in archive.payloads():
                    if needle in payload:
                        record: dict[str, Any] = orjson.loads(payload)
                        if record["account_id"] == account_id:
                            yield record
        except NoLedgerError:
            return
        except (LedgerUnreadableError, OSError, ValueError) as error:
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
