"""Deletes an account from the log's tables, in one transaction. Its bytes go with `sqlite_rewriter`."""

import sqlite3
from datetime import datetime
from itertools import product

from tidegate.features.events.columns import microseconds, moment
from tidegate.features.events.log import Erasure
from tidegate.features.events.sqlite_parts import Parts, over, parts
from tidegate.features.events.tombstones import Tombstone, Tombstones

ERASURES = "erasures"
"""Name of the cursor that every erasure moves."""


def delete_account(connection: sqlite3.Connection, account_id: str, *, at: datetime) -> tuple[Erasure, int]:
    """Within the caller's transaction.

    Returns:
        What was taken out, and the number of the rewriting after whose end no byte of it is left: the next one that
        begins, even if nothing was there any more. One that is under way may have met the account's name since an
        earlier erasure: in an event of somebody else, which then went.
    """
    there, tombstones = parts(connection), Tombstones(connection)
    former = tombstones.of([account_id]).get(account_id)
    version = _version(connection, there, account_id)
    events = 0
    for part, other in product(there, repeat=2):
        _run(connection, _IDS.format(part=part, other=other), account_id)
    for part in there:
        events += _run(connection, f"DELETE FROM events{part} WHERE account_id = ?1", account_id)  # noqa: S608 - fixed words only
        _run(connection, f"DELETE FROM accounts{part} WHERE account_id = ?1", account_id)  # noqa: S608 - as above
        _run(connection, _COUNTERPART.format(part=part), account_id, tombstones.pseudonym(account_id))
    # Where a removal has come to is an account's name: after it, it begins anew.
    _run(connection, "UPDATE retention SET after = '', oldest_so_far_us = NULL WHERE after = ?1", account_id)
    (begun,) = connection.execute("SELECT begun FROM rewriting").fetchone()
    tombstone = Tombstone(
        # A clock that went back gives nothing free.
        erased_at_us=max(microseconds(at), former.erased_at_us if former else microseconds(at)),
        version=version if version is not None else former.version if former else 0,
        rewriting=begun + 1,
    )
    tombstones.put(account_id, tombstone)
    connection.execute(
        "INSERT INTO cursors (name, place) VALUES (?, '1') ON CONFLICT (name)"
        " DO UPDATE SET place = CAST(CAST(place AS INTEGER) + 1 AS TEXT)",
        (ERASURES,),
    )
    return Erasure(events=events, erased_at=moment(tombstone.erased_at_us)), tombstone.rewriting


_IDS = "DELETE FROM event_ids{part} WHERE event_id IN (SELECT event_id FROM events{other} WHERE account_id = ?1)"
_COUNTERPART = "UPDATE events{part} SET counterpart_id = ?2 WHERE counterpart_id = ?1 AND counterpart_id <> ''"


def _version(connection: sqlite3.Connection, there: Parts, account_id: str) -> int | None:
    found = connection.execute(
        over("SELECT version FROM accounts{part} WHERE account_id = ?1", there), (account_id,)
    ).fetchone()
    return None if found is None else int(found[0])


def _run(connection: sqlite3.Connection, statement: str, *parameters: str) -> int:
    """How many rows it changed."""
    return connection.execute(statement, parameters).rowcount
