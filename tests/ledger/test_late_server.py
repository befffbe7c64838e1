"""What a server that is late is told as: by whoever waits for it, and in the log."""

import contextlib

import psycopg
import pytest

from tests.ledger.postgres_server import PostgresServer
from tidegate.postgres.connection import BoundedConnection, PostgresTarget

pytestmark = pytest.mark.integration


def _together(connection: BoundedConnection, *statements: bytes) -> None:
    with connection.pipeline():
        for each in statements:
            connection.execute(each)


def test_statements_that_went_together_tell_why_they_failed(postgres: PostgresServer) -> None:
    """Not that a pipeline can't be left, which is what psycopg says last."""
    with contextlib.closing(PostgresTarget(postgres.dsn()).connected(name="test", timeout_s=30)) as connection:
        with postgres.hanging(), connection.within(0.5), pytest.raises(psycopg.OperationalError) as raised:
            _together(connection, b"BEGIN", b"COMMIT")
        assert "pipeline" not in str(raised.value)


def test_what_is_wrong_with_a_statement_among_them_is_told(postgres: PostgresServer) -> None:
    with contextlib.closing(PostgresTarget(postgres.dsn()).connected(name="test", timeout_s=30)) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            _together(connection, b"SELECT 1 / 0", b"SELECT 1")
        assert connection.execute("SELECT 1").fetchone() == (1,)
