"""A schema of ours in a PostgreSQL database, and its migrations. Of processes that start at once, one migrates.

During an upgrade two releases use the same tables. So each migration says which code may go on under it, and the
database keeps that beside the version: code that meets a newer schema asks there, as it can't know it by itself.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import errors, sql

from tidegate.postgres.connection import BoundedConnection

TIMEOUT_S = 600.0
"""For all steps together. Whoever needs the tables is refused meanwhile, and not held up."""
STATING_WAIT_MS = 1_000
"""Longest wait until the table `migrations` gets its column: whoever connects waits with it. A dump holds the table."""

_BOUNDS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
_log = logging.getLogger(__name__)


class ForeignSchemaError(psycopg.DatabaseError):
    """The schema was made by somebody else, or by a newer Tidegate that does not let this one go on."""


class SchemaRightError(errors.InsufficientPrivilege):
    """The role may not make the schema, or not change it. Says who may, and which GRANT would let it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step, from the version before to its own."""

    file: str
    """In the folder `migrations`. A released one never changes."""
    compatible_from: int
    """The oldest version whose code may go on under this step, reading and writing: its own if it breaks all code
    before it, and never more. That code is replaced one process after another, long after the step was made."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is in the database."""

    version: int
    """0 if there are no tables."""
    compatible_from: int
    """The oldest version whose code may use them."""
    states_compatibility: bool
    """Whether the database holds it. Else a release made it that did not look, and refuses whatever is newer."""


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of one store. Its first migration makes the schema and the table `migrations` in it."""

    name: str
    """In the database; the statements name it too."""
    what: str
    """What it holds, in an error's words: "ledger"."""
    package: str
    """Where the folder `migrations` with the files lies."""
    steps: tuple[Migration, ...]
    """By version, the first of version 1. A new one is added at the end."""
    lock: int
    """Advisory lock that who migrates holds until the end of the transaction: another one for each schema."""

    @property
    def newest(self) -> int:
        """The version that this Tidegate knows, and brings older ones to."""
        return len(self.steps)

    def migrations(self) -> tuple[str, ...]:
        """Statements by version."""
        folder = resources.files(self.package) / "migrations"
        return tuple((folder / step.file).read_text(encoding="utf-8") for step in self.steps)

    def version(self, connection: BoundedConnection) -> int:
        """The schema's version; 0 if there is none, or an empty one, which an administrator made for its owner.

        It may be higher than `newest`: then a newer Tidegate made it, and lets this one go on.

        Raises:
            ForeignSchemaError: A newer Tidegate made it, and does not; or it is not ours.
            psycopg.Error: The server can't be asked.
        """
        return self._usable(connection).version

    def ensure(self, connection: BoundedConnection) -> None:
        """Brings an older schema, or none, to this version. Raises as `migrate`.

        For whoever connects in passing: where nothing is to do, nothing is locked and no right is needed.
        """
        if self.version(connection) < self.newest:
            self.migrate(connection)

    def migrate(self, connection: BoundedConnection, *, warned: Callable[[str], None] | None = None) -> None:
        """Brings the schema to this version, all or nothing. A newer one that can be used is left as it is.

        Whoever comes meanwhile waits, and finds it done.

        Args:
            connection: Outside a transaction.
            warned: Told, before anything is changed, which releases can't use the schema afterwards. None logs it.

        Raises:
            ForeignSchemaError: See `version`.
            SchemaRightError: The role may not make or change the schema.
            psycopg.Error: The server refused, or did not answer in time.
        """
        found = self._usable(connection)
        try:
            with connection.within(TIMEOUT_S):
                if found.version and not found.states_compatibility:
                    self._state_compatibility(connection, needed=found.version < self.newest)
                if found.version < self.newest:
                    self._migrate(connection, warned=warned, stated=found.states_compatibility)
        except errors.InsufficientPrivilege as refused:
            raise self._without_right(connection, refused) from refused

    def _state_compatibility(self, connection: BoundedConnection, *, needed: bool) -> None:
        """Lets the database say who may go on. Not a version: releases that do not look would refuse that too.

        In a transaction of its own: nobody who connects waits for the steps. Where no step follows, a role that may not
        do it leaves it to one that may, and who holds the table for long is not waited for.
        """
        try:
            with connection.transaction():
                self._lock(connection)
                if not self._usable(connection).states_compatibility:
                    connection.execute("SELECT set_config('lock_timeout', %s, true)", (str(STATING_WAIT_MS),))
                    self._add_column(connection)
        except (errors.InsufficientPrivilege, errors.LockNotAvailable):
            if needed:
                raise

    def _migrate(self, connection: BoundedConnection, *, warned: Callable[[str], None] | None, stated: bool) -> None:
        done = sql.SQL("INSERT INTO {} (version, compatible_from) VALUES (%s, %s)").format(self._migrations)
        with connection.transaction():
            self._lock(connection)
            before = self._usable(connection)
            told = self._left_behind(before, stated=stated)
            if told and warned:
                warned(told)
            elif told:
                _log.warning("postgres.older_releases_refused", extra={"told": told})
            there = self._owner(connection) is not None
            statements = self.migrations()
            for number, step in enumerate(self.steps[before.version :], start=before.version + 1):
                text = statements[number - 1]
                if number == 1 and there:
                    # IF NOT EXISTS would still ask for the right to make schemas, which this one's owner need not have.
                    text = text.replace(f"CREATE SCHEMA {self.name};", "", 1)
                connection.execute(text.encode())
                if number == 1:
                    self._add_column(connection)
                connection.execute(done, (number, step.compatible_from))

    def _left_behind(self, before: _Found, *, stated: bool) -> str | None:
        """Which releases can use the tables now and can't after the steps, for people; None if none."""
        missing = self.steps[before.version :]
        oldest = max((before.compatible_from, *(step.compatible_from for step in missing)))
        if not before.version or not missing or (stated and oldest == before.compatible_from):
            return None
        who = f"that know version {oldest - 1} at most"
        if oldest == before.compatible_from:
            who = "of a release that did not yet ask the database who may go on"
        return (
            f"The {self.what} goes from schema version {before.version} to {self.newest}. Processes {who} are refused"
            " when they connect again, and can't be started: replace all of them right after this, with no work on"
            " PostgreSQL until then. Versions do not go back, so that release can't be put back either."
        )

    def _usable(self, connection: BoundedConnection) -> _Found:
        # The catalogue's tables are asked, since to_regclass may remember what was there before a lock was waited for.
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid), m.oid IS NOT NULL,"
            " EXISTS (SELECT FROM pg_attribute WHERE attrelid = m.oid AND attname = 'compatible_from')"
            " FROM pg_namespace AS n LEFT JOIN pg_class AS m ON m.relnamespace = n.oid AND m.relname = 'migrations'"
            " WHERE n.nspname = %s",
            (self.name,),
        ).fetchone()
        filled, ours, stated = row or (False, False, False)
        if not filled:
            return _Found(0, 0, states_compatibility=False)
        if not ours:
            raise ForeignSchemaError(
                f"the database has a schema {self.name} with tables of somebody else: no Tidegate {self.what}"
            )
        # A version without a word on it lets nobody go on who does not know it.
        oldest = sql.SQL("coalesce(compatible_from, version)" if stated else "version")
        # Bounded, so that an index serves: where scans are off, one counts as so dear that it is compiled first (1 s).
        query = sql.SQL("SELECT coalesce(max(version), 0), coalesce(max({}), 0) FROM {} WHERE version > 0")
        row = connection.execute(query.format(oldest, self._migrations)).fetchone()
        assert row is not None
        found = _Found(int(row[0]), int(row[1]), states_compatibility=stated)
        if found.version > self.newest and found.compatible_from > self.newest:
            raise ForeignSchemaError(
                f"the {self.what} has schema version {found.version}, which a newer Tidegate made and which needs one"
                f" that knows version {found.compatible_from} at least; this one knows {self.newest} at most: run the"
                " newer Tidegate, as versions do not go back"
            )
        return found

    def _lock(self, connection: BoundedConnection) -> None:
        """Until the end of the transaction, with no other bound than ours."""
        connection.execute("SELECT set_config(name, '0', true) FROM unnest(%s::text[]) AS name", (list(_BOUNDS),))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (self.lock,))

    def _add_column(self, connection: BoundedConnection) -> None:
        column = sql.SQL("ALTER TABLE {} ADD COLUMN compatible_from integer")
        connection.execute(column.format(self._migrations))

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
