"""The stores that hash banks may be in, for tests that hold for all of them."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from tidegate.detectors.banks.port import HashBanks
from tidegate.detectors.banks.postgres_adapter import PostgresBanks
from tidegate.detectors.banks.postgres_schema import migrate
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.postgres.connection import PostgresTarget

PATIENT_S = 30.0
"""For stores in tests that are not about time: a busy machine must not fail them."""


class BankStore(Protocol):
    """One store, with the default bank and nothing in it."""

    @property
    def named(self) -> str:
        """As a command line names it."""
        ...

    def banks(self, *, timeout_s: float = PATIENT_S) -> HashBanks:
        """One more user of it, as each process is."""
        ...


def banks_at(named: str) -> HashBanks:
    """A user of the store that is named so."""
    if named.startswith("postgresql:"):
        return PostgresBanks(PostgresTarget(named), timeout_s=PATIENT_S)
    return SqliteBanks(Path(named), timeout_s=PATIENT_S)


@dataclass(frozen=True, slots=True)
class SqliteBankStore:
    """A file."""

    path: Path

    @property
    def named(self) -> str:
        return str(self.path)

    def banks(self, *, timeout_s: float = PATIENT_S) -> SqliteBanks:
        return SqliteBanks(self.path, timeout_s=timeout_s)


class PostgresBankStore:
    """A database, in which nothing but the banks is touched."""

    def __init__(self, target: PostgresTarget) -> None:
        """Makes it anew."""
        self.target = target
        self._used: list[PostgresBanks] = []
        self.run("DROP SCHEMA IF EXISTS tidegate_banks CASCADE")
        migrate(target)

    @property
    def named(self) -> str:
        return self.target.dsn

    def banks(self, *, timeout_s: float = PATIENT_S) -> PostgresBanks:
        self._used.append(PostgresBanks(self.target, timeout_s=timeout_s))
        return self._used[-1]

    def run(self, *statements: str) -> None:
        """As somebody may who owns the database."""
        with contextlib.closing(psycopg.connect(self.target.dsn, autocommit=True)) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def close(self) -> None:
        """Ends all users' connections."""
        for each in self._used:
            each.close()
