"""A DSN that names several hosts, of which one is dead or a standby."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.ledger.postgres_server import PostgresServer, running_server
from tests.ledger.promoted_standby import PromotedStandby
from tests.ledger.sample_records import sample_record
from tests.ledger.stores import PATIENT_S, verified
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.postgres_writer import PostgresTransactions
from tidegate.ledger.record_format import encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.verify import BreakKind
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import CONNECT_TIMEOUT_S, PostgresTarget

pytestmark = pytest.mark.integration

LOST = "ledger.acknowledged_records_missing"


def of_two(first: int, second: int) -> PostgresTarget:
    """The second port is asked when the first has not let in."""
    return PostgresTarget(f"postgresql://tidegate@127.0.0.1:{first},127.0.0.1:{second}/postgres")


@pytest.fixture
def first_host() -> Iterator[socket.socket]:
    """Refuses at once until it listens; then it takes what is sent and never answers, as a machine that is gone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken


def test_a_loss_is_noted_though_each_connection_takes_longer_than_half_the_time(
    postgres: PostgresServer, target: PostgresTarget, first_host: socket.socket
) -> None:
    """Two connections are made: one finds the loss, the next is of the chain begun anew."""
    through = of_two(first_host.getsockname()[1], postgres.port)
    writer = PostgresTransactions(through, timeout_s=1.75 * CONNECT_TIMEOUT_S)

    def commit(decision_id: str) -> None:
        record = sample_record(decision_id=decision_id)
        writer.begin().append(RecordKeys.of(record), encode(record))
        writer.commit()

    with contextlib.closing(writer):
        commit("a")
        standby = PromotedStandby.of(target)
        commit("lost")
        writer.discard()
        first_host.listen()
        standby.takes_over()
        commit("new")
    report = verified(PostgresPlace(target))
    assert [(each.kind, each.sequence) for each in report.breaks] == [(BreakKind.TRUNCATED, 2)]
    assert report.records == 2


async def test_a_lone_caller_gets_in_though_connecting_takes_longer_than_any_caller_waits(
    postgres: PostgresServer, target: PostgresTarget, first_host: socket.socket
) -> None:
    """What was opened for one who gave up is there for the next, as for a readiness probe that comes now and then."""
    PostgresPlace(target).migrate()
    first_host.listen()
    ledger = PostgresLedger(of_two(first_host.getsockname()[1], postgres.port), timeout_s=CONNECT_TIMEOUT_S / 2)
    answers = [await ledger.ready()]
    while not answers[-1] and len(answers) < 5:
        await asyncio.sleep(CONNECT_TIMEOUT_S)
        answers.append(await ledger.ready())
    await ledger.close()
    assert answers[-1], answers


async def test_a_standby_that_answers_for_the_primary_has_lost_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is behind, and takes no records. The primary comes back, and the chain is gone on with."""
    with running_server() as primary:
        PostgresPlace(PostgresTarget(primary.dsn())).migrate()
        primary.stop()
        standby = primary.standby()
        try:
            standby.start()
            primary.start()
            ledger = PostgresLedger(of_two(primary.port, standby.port), timeout_s=PATIENT_S)
            await ledger.append(sample_record(idempotency_key="a"))
            primary.stop()
            for key in ("b", "c"):  # over the session that was lost, and over a new one
                with pytest.raises(LedgerUnavailable):
                    await ledger.append(sample_record(idempotency_key=key))
                await asyncio.sleep(0.2)  # a server that has refused it is left alone for up to 0.15 s
            primary.start()
            await ledger.append(sample_record(idempotency_key="d"))
            await ledger.close()
        finally:
            standby.remove()
        assert LOST not in [each.message for each in caplog.records]
        assert any("StandbyError" in str(vars(each)) for each in caplog.records)
        report = verified(PostgresPlace(PostgresTarget(primary.dsn())))
        assert (report.breaks, report.records, report.writers) == ((), 2, 1)
