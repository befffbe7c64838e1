"""The PostgreSQL ledger's tables and their migrations. Several processes may start at once: one of them migrates."""

from importlib import resources

import psycopg

from tidegate.ledger.postgres_connection import BoundedConnection

SCHEMA = "tidegate_ledger"
"""Schema of all that is ours in the database. Its statements are in `migrations/`, which name it too."""

MIGRATION_LOCK = 0x5449_4447_0000_0001
"""Advisory lock ("TIDG", 1) that who migrates holds until the end of the transaction."""

TIMEOUT_S = 600.0
"""For all steps together. Decisions are refused meanwhile, and not held up."""

_FILES = ("0001_ledger.sql",)
_BOUNDS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


class ForeignLedgerError(psycopg.DatabaseError):
    """The schema was made by somebody else, or by a newer Tidegate."""


def migrations() -> tuple[str, ...]:
    """Statements by version, the first of version 1. Released ones never change; a new file is added at the end."""
    folder = resources.files("tidegate.ledger") / "migrations"
    return tuple((folder / name).read_text(encoding="utf-8") for name in _FILES)


def version(connection: BoundedConnection) -> int:
    """The schema's version; 0 if there is none.

    Raises:
        ForeignLedgerError: It is newer than this Tidegate, or not a ledger's.
        psycopg.Error: The server can't be asked.
    """
    # The catalogue's tables are asked, since to_regclass may remember what was there before a lock was waited for.
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s), EXISTS (SELECT FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = 'migrations')",
        (SCHEMA, SCHEMA),
    ).fetchone()
    assert row is not None
    there, ours = row
    if not there:
        return 0
    if not ours:
        raise ForeignLedgerError(f"the database has a schema {SCHEMA} that is no Tidegate ledger")
    row = connection.execute("SELECT coalesce(max(version), 0) FROM tidegate_ledger.migrations").fetchone()
    assert row is not None
    found = int(row[0])
    if found > len(_FILES):
        raise ForeignLedgerError("the ledger was written by a newer version of Tidegate")
    return found


def migrate(connection: BoundedConnection) -> None:
    """Brings the schema to this version, all or nothing.

    Whoever comes meanwhile waits, and finds it done. Where nothing is to do, nothing is locked and no right to create
    anything is needed.

    Raises:
        ForeignLedgerError: See `version`.
        psycopg.Error: The server refused, or did not answer in time.
    """
    if version(connection) == len(_FILES):
        return
    with connection.within(TIMEOUT_S), connection.transaction():
        connection.execute("SELECT set_config(name, '0', true) FROM unnest(%s::text[]) AS name", (list(_BOUNDS),))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        before = version(connection)
        for number, statements in enumerate(migrations()[before:], start=before + 1):
            connection.execute(statements)
            connection.execute("INSERT INTO tidegate_ledger.migrations (version) VALUES (%s)", (number,))
