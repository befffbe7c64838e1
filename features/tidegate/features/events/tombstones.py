"""Which accounts were erased, remembered without their names.

An account is known by HMAC-SHA256 of its id under a random key that lies in the log's own file: key and tombstones
can't part company in a backup, and whoever holds the file can test a name that he has, but can't read one out of it.
"""

import hmac
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tidegate.features.events.judgement import ErasedName

_AT_ONCE = 500  # parameters of one query


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of an erased account."""

    erased_at_us: int
    """Events that occurred up to here are not taken back."""
    version: int
    """The account's version when it was erased. One that comes back counts on from there, so that who computes from
    what he read before the erasure can't be taken for up to date."""
    rewriting: int = 0
    """Number of the rewriting of the log after whose end no byte of it is left (`sqlite_rewriter`)."""


class TombstoneKey:
    """Turns names into what tombstones keep."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def digest(self, account_id: str) -> bytes:
        """What an erased account is found by: 32 bytes."""
        return hmac.digest(self._key, b"account:" + account_id.encode(), "sha256")

    def pseudonym(self, account_id: str) -> str:
        """See `ErasedName.pseudonym`. Not made from `digest`, so that it does not lead to the tombstone."""
        return "erased:" + hmac.digest(self._key, b"counterpart:" + account_id.encode(), "sha256")[:16].hex()


class Tombstones:
    """Reads and writes them over a connection that the caller guards."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._key = TombstoneKey(connection.execute("SELECT key FROM tombstone_secret").fetchone()[0])

    def of(self, account_ids: Collection[str]) -> Mapping[str, Tombstone]:
        """Those of the accounts that have one."""
        if not account_ids or self._connection.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is None:
            return {}
        by_digest = {self._key.digest(account_id): account_id for account_id in account_ids}
        digests = list(by_digest)
        found: dict[str, Tombstone] = {}
        for at in range(0, len(digests), _AT_ONCE):
            asked = digests[at : at + _AT_ONCE]
            rows = self._connection.execute(
                "SELECT digest, erased_at_us, version, rewriting FROM tombstones"  # noqa: S608 - question marks only
                f" WHERE digest IN ({','.join('?' * len(asked))})",
                asked,
            )
            found.update((by_digest[digest], Tombstone(*values)) for digest, *values in rows)
        return found

    def names(self, tombstones: Mapping[str, Tombstone]) -> Mapping[str, ErasedName]:
        """The same for the judgement of new events."""
        return {
            account_id: ErasedName(tombstone.erased_at_us, self._key.pseudonym(account_id))
            for account_id, tombstone in tombstones.items()
        }

    def pseudonym(self, account_id: str) -> str:
        """See `TombstoneKey.pseudonym`."""
        return self._key.pseudonym(account_id)

    def put(self, account_id: str, tombstone: Tombstone) -> None:
        """Sets or replaces an account's, within the caller's transaction."""
        self._connection.execute(
            "INSERT OR REPLACE INTO tombstones (digest, erased_at_us, version, rewriting) VALUES (?, ?, ?, ?)",
            (self._key.digest(account_id), tombstone.erased_at_us, tombstone.version, tombstone.rewriting),
        )
