"""Who the settings' file names may change while routers run: each new connection reads it again."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.ledger.postgres_server import PostgresServer
from tests.ledger.sample_records import sample_record
from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import PostgresTarget
from tidegate.serving.ledger_store import decision_ledger
from tidegate.serving.settings import load_settings

pytestmark = pytest.mark.integration

FORMER, NEXT = "tidegate_former", "tidegate_next"


@pytest.fixture
def administrator(postgres: PostgresServer, target: PostgresTarget) -> Iterator[psycopg.Connection]:
    """Of the ledger's database, with a role that may make tables there."""
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE ROLE {FORMER} LOGIN SUPERUSER")
        yield connection
        for role in (FORMER, NEXT):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                connection.execute(f"DROP OWNED BY {role} CASCADE".encode())
                connection.execute(f"DROP ROLE {role}".encode())


async def test_a_ledger_connects_as_its_file_says_by_then(
    administrator: psycopg.Connection, target: PostgresTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that was renamed is refused as one whose password was changed is; here all may come without one."""
    monkeypatch.delenv("TIDEGATE_LEDGER_DSN", raising=False)
    file = tmp_path / "dsn"
    file.write_text(target.dsn.replace("tidegate@", f"{FORMER}@", 1))
    ledger = decision_ledger(load_settings(ledger={"store": "postgres", "dsn_file": str(file), "timeout_ms": 2_000}))
    await ledger.append(sample_record(decision_id="before"))

    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    administrator.execute(f"ALTER ROLE {FORMER} RENAME TO {NEXT}".encode())
    administrator.execute(ends, (NEXT,))
    with pytest.raises(LedgerUnavailable):
        await ledger.append(sample_record(decision_id="between"))

    file.unlink()  # as while a mounted secret is replaced
    with pytest.raises(LedgerUnavailable):
        await ledger.append(sample_record(decision_id="without"))
    file.write_text(target.dsn.replace("tidegate@", f"{NEXT}@", 1))
    assert await _once_it_answers(ledger, sample_record(decision_id="after"))
    await ledger.close()


async def _once_it_answers(ledger: DecisionLedger, record: DecisionRecord) -> bool:
    """A writer that was refused waits a little before it tries again."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        with contextlib.suppress(LedgerUnavailable):
            return await ledger.append(record) == record
        await asyncio.sleep(0.2)
    return False


def _giving(dsn: str | None) -> Callable[[], str | None]:
    return lambda: dsn


def test_what_libpq_cannot_take_and_what_is_not_there_leave_it_as_it_was(target: PostgresTarget) -> None:
    for now in ("", "postgresql://a b", None):
        same = PostgresTarget(target.dsn, _giving(now))
        with contextlib.closing(same.connected(name="test", timeout_s=30)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
