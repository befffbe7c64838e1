"""The stores that a ledger may be in, for tests that hold for all of them."""

import contextlib
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from tidegate.ledger.archive import LedgerPlace
from tidegate.ledger.port import DecisionLedger
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.sqlite_place import SqlitePlace
from tidegate.ledger.verify import VerifyReport, verify
from tidegate.postgres.connection import PostgresTarget

PATIENT_S = 30.0
"""For ledgers in tests that are not about time: a busy machine must not fail them."""


class LedgerStore(Protocol):
    """One store, empty at first."""

    @property
    def place(self) -> LedgerPlace:
        """Where it is."""
        ...

    @property
    def named(self) -> str:
        """As a command line names it."""
        ...

    def ledger(self, *, timeout_s: float = PATIENT_S) -> DecisionLedger:
        """One more writer of it, which the test closes."""
        ...

    def tamper(self, *statements: str) -> None:
        """As somebody may who owns it: triggers are theirs to drop. In SQLite's words."""
        ...


def ledger_at(named: str, *, timeout_s: float = PATIENT_S) -> DecisionLedger:
    """A writer of the store that is named so."""
    if named.startswith("postgresql:"):
        return PostgresLedger(PostgresTarget(named), timeout_s=timeout_s)
    return SqliteLedger(Path(named), timeout_s=timeout_s)


def place_at(named: str) -> LedgerPlace:
    """The store that is named so."""
    return PostgresPlace(PostgresTarget(named)) if named.startswith("postgresql:") else SqlitePlace(Path(named))


def verified(place: LedgerPlace) -> VerifyReport:
    """What `tidegate ledger verify` finds."""
    with place.opened() as archive, archive.snapshot():
        return verify(archive)


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """A file."""

    path: Path

    @property
    def place(self) -> SqlitePlace:
        return SqlitePlace(self.path)

    @property
    def named(self) -> str:
        return str(self.path)

    def ledger(self, *, timeout_s: float = PATIENT_S) -> SqliteLedger:
        return SqliteLedger(self.path, timeout_s=timeout_s)

    def tamper(self, *statements: str) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {trigger}")
            for statement in statements:
                assert database.execute(statement).rowcount >= 1, statement


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """A database."""

    target: PostgresTarget

    @property
    def place(self) -> PostgresPlace:
        return PostgresPlace(self.target)

    @property
    def named(self) -> str:
        return self.target.dsn

    def ledger(self, *, timeout_s: float = PATIENT_S) -> PostgresLedger:
        return PostgresLedger(self.target, timeout_s=timeout_s)

    def tamper(self, *statements: str) -> None:
        with contextlib.closing(psycopg.connect(self.target.dsn, autocommit=True)) as database:
            database.execute("SET search_path = tidegate_ledger")
            database.execute("SET session_replication_role = replica")  # no triggers
            database.execute("ALTER TABLE records DROP CONSTRAINT IF EXISTS records_day")
            for statement in statements:
                assert database.execute(_translated(statement)).rowcount >= 1, statement


def _translated(statement: str) -> str:
    """From SQLite's words for bytes to PostgreSQL's."""
    altered = "convert_to(replace(convert_from(record, 'UTF8'), 'REVIEW', 'ALLOW'), 'UTF8')"
    statement = statement.replace("CAST(replace(CAST(record AS TEXT), 'REVIEW', 'ALLOW') AS BLOB)", altered)
    statement = statement.replace("zeroblob(32)", f"x'{'00' * 32}'")
    return re.sub(r"\bx'([0-9a-f]+)'", r"decode('\1', 'hex')", statement)
