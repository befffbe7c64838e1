"""Brings a database to a schema's version, and reads what it says of versions."""

import contextlib

import psycopg
from click.testing import CliRunner, Result

from tests.ledger.stores import PATIENT_S
from tidegate.cli.main import main
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.schema import Schema


def asked(target: PostgresTarget, statement: str) -> list[tuple[object, ...]]:
    """As somebody at a prompt."""
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        answer = outside.execute(statement.encode())
        return answer.fetchall() if answer.description else []


def migrated(target: PostgresTarget, schema: Schema) -> list[str]:
    """Brings the database to the schema's version, and returns what was warned of."""
    told: list[str] = []
    with contextlib.closing(target.connected(name="a test", timeout_s=PATIENT_S)) as connection:
        schema.migrate(connection, warned=told.append)
    return told


def noted(target: PostgresTarget, schema: Schema) -> list[tuple[object, ...]]:
    return asked(target, f"SELECT version, compatible_from FROM {schema.name}.migrations ORDER BY version")


def forget_notes(target: PostgresTarget, schema: Schema) -> None:
    """As every database is that a release made before there were notes."""
    asked(target, f"ALTER TABLE {schema.name}.migrations DROP COLUMN compatible_from")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)
