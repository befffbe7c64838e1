"""What the event log holds on an account, where others' events name it too. Changes nothing."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tidegate.accounts.held import AccountStoreUnavailableError, Store
from tidegate.features.events.columns import table
from tidegate.features.events.log import EVENT_SCHEMA
from tidegate.features.events.sqlite_parts import over, parts
from tidegate.features.events.sqlite_schema import APPLICATION_ID, MIGRATIONS, transaction
from tidegate.features.events.tombstones import TombstoneKey

LATEST = (1 << 62) - 1
"""Microseconds that no event reaches: everything."""

_COLUMNS = ", ".join(EVENT_SCHEMA.names)
_OWN = "account_id = ?1"
_OF_OTHERS = "counterpart_id = ?1 AND counterpart_id <> '' AND account_id <> ?1"  # with `<> ''` the index serves it


class EventRecords:
    """Reads one log's file beside whoever writes it. A log that is not there holds nothing."""

    def __init__(self, path: Path, *, timeout_s: float = 10.0) -> None:
        """Remembers where it lies."""
        self._path = path
        self._timeout_s = timeout_s

    def own(self, account_id: str) -> pa.Table:
        """The account's events in `EVENT_SCHEMA`, by time. Raises AccountStoreUnavailableError."""
        return self._events(_OWN, account_id)

    def of_others(self, account_id: str) -> pa.Table:
        """Events of others that name the account as counterpart, by time. Raises AccountStoreUnavailableError."""
        return self._events(_OF_OTHERS, account_id)

    def own_count(self, account_id: str, *, up_to_us: int = LATEST) -> int:
        """The account's events that occurred by then."""
        return self._count(_OWN, account_id, up_to_us)

    def of_others_count(self, account_id: str, *, up_to_us: int = LATEST) -> int:
        """Events of others that name it and occurred by then."""
        return self._count(_OF_OTHERS, account_id, up_to_us)

    def latest_us(self, account_id: str) -> int:
        """When the last of both occurred, microseconds since 1970 UTC; 0 if there is none."""
        latest = (
            each
            for where in (_OWN, _OF_OTHERS)
            for each in self._rows(f"SELECT max(occurred_at_us) FROM events{{part}} WHERE {where}", account_id)  # noqa: S608 - fixed words
        )
        return max((int(found or 0) for (found,) in latest), default=0)

    def digest(self, account_id: str) -> bytes | None:
        """What the log would know the account by if it were erased: 32 bytes; None if there is no log."""
        key = self._one("SELECT key FROM tombstone_secret")
        return TombstoneKey(key).digest(account_id) if isinstance(key, bytes) else None

    def erased_at_us(self, account_id: str) -> int | None:
        """When the account was erased; None if it was not."""
        digest = self.digest(account_id)
        found = None if digest is None else self._one("SELECT erased_at_us FROM tombstones WHERE digest = ?", digest)
        return None if found is None else int(found)

    def _events(self, where: str, account_id: str) -> pa.Table:
        select = f"SELECT {_COLUMNS} FROM events{{part}} WHERE {where}"  # noqa: S608 - fixed words
        return table(self._rows(select, account_id, order=" ORDER BY occurred_at_us, event_id"))

    def _count(self, where: str, account_id: str, up_to_us: int) -> int:
        select = f"SELECT count(*) FROM events{{part}} WHERE {where} AND occurred_at_us <= ?2"  # noqa: S608 - fixed words
        return sum(int(found) for (found,) in self._rows(select, account_id, up_to_us))

    def _rows(self, select: str, *parameters: object, order: str = "") -> Sequence[tuple[Any, ...]]:
        """Of every part of the table (`sqlite_parts`)."""
        with self._opened() as connection:
            if connection is None:
                return []
            return connection.execute(over(select, parts(connection), order), parameters).fetchall()

    def _one(self, query: str, *parameters: object) -> "bytes | int | None":
        with self._opened() as connection:
            row = None if connection is None else connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        if not self._path.is_file():
            yield None
            return
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            opened = sqlite3.connect(uri, uri=True, timeout=self._timeout_s, isolation_level=None)
            with contextlib.closing(opened) as connection, transaction(connection, mode="DEFERRED"):
                _check(connection)
                yield connection
        except sqlite3.Error as error:
            raise AccountStoreUnavailableError(Store.EVENTS, f"the event log can't be read: {error}") from error


def _check(connection: sqlite3.Connection) -> None:
    marks = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
    if connection.execute(marks).fetchone() != (APPLICATION_ID, len(MIGRATIONS)):
        raise AccountStoreUnavailableError(Store.EVENTS, "the file is no event log of this version of Tidegate")
