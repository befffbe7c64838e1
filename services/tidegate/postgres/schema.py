"""A schema of ours in a PostgreSQL database, and its migrations. Of processes that start at once, one migrates."""

from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import errors, sql

from tidegate.postgres.connection import BoundedConnection

TIMEOUT_S = 600.0
"""For all steps together. Whoever needs the tables is refused meanwhile, and not held up."""

_BOUNDS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


class ForeignSchemaError(psycopg.DatabaseError):
    """The schema was made by somebody else, or by a newer Tidegate."""


class SchemaRightError(errors.InsufficientPrivilege):
    """The role may not make the schema, or not change it. Says who may, and which GRANT would let it."""


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
        """The schema's version; 0 if there is none, or an empty one, which an administrator made for its owner.

        Raises:
            ForeignSchemaError: It is newer than this Tidegate, or not ours.
            psycopg.Error: The server can't be asked.
        """
        # The catalogue's tables are asked, since to_regclass may remember what was there before a lock was waited for.
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid),"
            " EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'migrations')"
            " FROM pg_namespace AS n WHERE n.nspname = %s",
            (self.name,),
        ).fetchone()
        filled, ours = row or (False, False)
        if not filled:
            return 0
        if not ours:
            raise ForeignSchemaError(
                f"the database has a schema {self.name} with tables of somebody else: no Tidegate {self.what}"
            )
        newest = sql.SQL("SELECT coalesce(max(version), 0) FROM {}").format(self._migrations)
        row = connection.execute(newest).fetchone()
        assert row is not None
        found = int(row[0])
        if found > self.newest:
            raise ForeignSchemaError(
                f"the {self.what} has schema version {found}, which a newer Tidegate made, and this one knows"
                f" {self.newest} at most: run the newer Tidegate, as versions do not go back"
            )
        return found

    def migrate(self, connection: BoundedConnection) -> None:
        """Brings the schema to this version, all or nothing.

        Whoever comes meanwhile waits, and finds it done. Where nothing is to do, nothing is locked and no right to
        create anything is needed.

        Raises:
            ForeignSchemaError: See `version`.
            SchemaRightError: The role may not make or change the schema.
            psycopg.Error: The server refused, or did not answer in time.
        """
        if self.version(connection) == self.newest:
            return
        try:
            with connection.within(TIMEOUT_S), connection.transaction():
                self._migrate(connection)
        except errors.InsufficientPrivilege as refused:
            raise self._without_right(connection, refused) from refused

    def _migrate(self, connection: BoundedConnection) -> None:
        done = sql.SQL("INSERT INTO {} (version) VALUES (%s)").format(self._migrations)
        connection.execute("SELECT set_config(name, '0', true) FROM unnest(%s::text[]) AS name", (list(_BOUNDS),))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (self.lock,))
        before = self.version(connection)
        there = self._owner(connection) is not None
        for number, statements in enumerate(self.migrations()[before:], start=before + 1):
            if number == 1 and there:
                # IF NOT EXISTS would still ask for the right to make schemas, which this one's owner need not have.
                statements = statements.replace(f"CREATE SCHEMA {self.name};", "", 1)  # noqa: PLW2901 - less one
            connection.execute(statements.encode())
            connection.execute(done, (number,))

    def _owner(self, connection: BoundedConnection) -> str | None:
        """Who owns the schema; None if there is none."""
        found = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s"
        row = connection.execute(found, (self.name,)).fetchone()
        return None if row is None else str(row[0])

    def _without_right(self, connection: BoundedConnection, refused: psycopg.Error) -> SchemaRightError:
        role, database = (f'"{name}"' for name in (connection.info.user, connection.info.dbname))
        said, owner = refused.diag.message_primary, self._owner(connection)
        if owner is None:
            return SchemaRightError(
                f"the role {role} may not make the schema {self.name} ({said}); an administrator lets it by"
                f" CREATE SCHEMA {self.name} AUTHORIZATION {role}, or by GRANT CREATE ON DATABASE {database} TO {role}"
            )
        return SchemaRightError(
            f"the role {role} may not make or change tables in the schema {self.name} ({said}); migrate as its owner,"
            f' "{owner}"'
        )

    @property
    def _migrations(self) -> sql.Identifier:
        return sql.Identifier(self.name, "migrations")
