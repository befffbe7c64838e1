"""A schema of ours in a PostgreSQL database, and its migrations. Of processes that start at once, one migrates."""

from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import sql

from tidegate.postgres.connection import BoundedConnection

TIMEOUT_S = 600.0
"""For all steps together. Whoever needs the tables is refused meanwhile, and not held up."""

_BOUNDS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


class ForeignSchemaError(psycopg.DatabaseError):
    """The schema was made by somebody else, or by a newer Tidegate."""


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of one store. Its first migration makes the schema and the table `migrations` in it."""

    name: str
    """In the database; the statements name it too."""
    what: str
    """What it holds, in an error's words: "ledger"."""
    package: str
    """Where the folder `migrations` with the files lies."""
    files: tuple[str, ...]
    """By version, the first of version 1. Released ones never change; a new file is added at the end."""
    lock: int
    """Advisory lock that who migrates holds until the end of the transaction: another one for each schema."""

    @property
    def newest(self) -> int:
        """The version that this Tidegate needs."""
        return len(self.files)

    def migrations(self) -> tuple[str, ...]:
        """Statements by version."""
        folder = resources.files(self.package) / "migrations"
        return tuple((folder / name).read_text(encoding="utf-8") for name in self.files)

    def version(self, connection: BoundedConnection) -> int:
        """The schema's version; 0 if there is none.

        Raises:
            ForeignSchemaError: It is newer than this Tidegate, or not ours.
            psycopg.Error: The server can't be asked.
        """
        # The catalogue's tables are asked, since to_regclass may remember what was there before a lock was waited for.
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s), EXISTS (SELECT FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = 'migrations')",
            (self.name, self.name),
        ).fetchone()
        assert row is not None
        there, ours = row
        if not there:
            return 0
        if not ours:
            raise ForeignSchemaError(f"the database has a schema {self.name} that is no Tidegate {self.what}")
        newest = sql.SQL("SELECT coalesce(max(version), 0) FROM {}").format(self._migrations)
        row = connection.execute(newest).fetchone()
        assert row is not None
        found = int(row[0])
        if found > self.newest:
            raise ForeignSchemaError(f"the {self.what} was written by a newer version of Tidegate")
        return found

    def migrate(self, connection: BoundedConnection) -> None:
        """Brings the schema to this version, all or nothing.

        Whoever comes meanwhile waits, and finds it done. Where nothing is to do, nothing is locked and no right to
        create anything is needed.

        Raises:
            ForeignSchemaError: See `version`.
            psycopg.Error: The server refused, or did not answer in time.
        """
        if self.version(connection) == self.newest:
            return
        done = sql.SQL("INSERT INTO {} (version) VALUES (%s)").format(self._migrations)
        with connection.within(TIMEOUT_S), connection.transaction():
            connection.execute("SELECT set_config(name, '0', true) FROM unnest(%s::text[]) AS name", (list(_BOUNDS),))
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (self.lock,))
            before = self.version(connection)
            for number, statements in enumerate(self.migrations()[before:], start=before + 1):
                connection.execute(statements.encode())
                connection.execute(done, (number,))

    @property
    def _migrations(self) -> sql.Identifier:
        return sql.Identifier(self.name, "migrations")
