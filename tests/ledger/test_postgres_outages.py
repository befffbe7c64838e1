"""What was acknowledged is there, and nothing else was promised, whatever becomes of server and network."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from tests.ledger.lossy_proxy import Cut, LossyProxy
from tests.ledger.postgres_server import PostgresServer
from tests.ledger.sample_records import sample_record
from tests.ledger.stores import PATIENT_S, verified
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.record_format import decode
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import PostgresTarget

pytestmark = pytest.mark.integration

POLICY = {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a": "{}"}


def recorded(target: PostgresTarget) -> list[str]:
    """Ids of all that is there, once the chains were found whole."""
    place = PostgresPlace(target)
    assert verified(place).breaks == ()
    with place.opened() as archive:
        return [decode(payload).decision_id for payload in archive.payloads()]


async def well_again(ledger: PostgresLedger, **changes: object) -> DecisionRecord:
    """Appends until one succeeds: a ledger comes back by itself."""
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(LedgerUnavailable):
                return await ledger.append(sample_record(**changes))
            await asyncio.sleep(0.05)


@pytest.fixture
async def ledger(target: PostgresTarget) -> AsyncIterator[PostgresLedger]:
    """One that has its tables and its connection."""
    opened = PostgresLedger(target, timeout_s=PATIENT_S)
    await opened.append(sample_record())
    yield opened
    await opened.close()


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[LossyProxy]:
    between = LossyProxy(postgres.port)
    yield between
    between.close()


@pytest.fixture
async def distant(target: PostgresTarget, proxy: LossyProxy, ledger: PostgresLedger) -> AsyncIterator[PostgresLedger]:
    """The same ledger by way of the proxy."""
    del ledger  # its tables are there
    through = PostgresTarget(f"postgresql://tidegate@127.0.0.1:{proxy.port}/postgres")
    opened = PostgresLedger(through, timeout_s=PATIENT_S)
    await opened.append(sample_record())
    yield opened
    await opened.close()


async def test_a_commit_whose_answer_is_lost_is_looked_for_and_found(
    distant: PostgresLedger, proxy: LossyProxy, target: PostgresTarget
) -> None:
    record = sample_record(content_id="the-marked-one", idempotency_key="k")
    proxy.cut_at(b"the-marked-one", Cut.AFTER_THE_ANSWER)
    assert await distant.append(record) == record
    assert proxy.cuts == 1
    assert recorded(target).count(record.decision_id) == 1
    assert await distant.append(sample_record(content_id="the-marked-one", idempotency_key="k")) == record


async def test_a_commit_that_never_arrived_is_looked_for_and_made_again(
    distant: PostgresLedger, proxy: LossyProxy, target: PostgresTarget
) -> None:
    """The server still thinks the old session alive, which holds the chain's lock: it is ended."""
    record = sample_record(content_id="the-marked-one", idempotency_key="k")
    proxy.cut_at(b"the-marked-one", Cut.BEFORE_IT_ARRIVES)
    assert await distant.append(record) == record
    assert proxy.cuts == 1
    assert recorded(target).count(record.decision_id) == 1


async def test_a_restart_while_nobody_writes_costs_nobody_an_answer(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget
) -> None:
    kept = await ledger.append(sample_record())
    assert await ledger.get(kept.decision_id) == kept
    await asyncio.to_thread(postgres.restart_at_once)
    assert await ledger.get(kept.decision_id) == kept
    keyed = sample_record(idempotency_key="k")
    assert await ledger.append(keyed) == keyed
    await asyncio.to_thread(postgres.restart_at_once)
    await ledger.keep_policies(POLICY)
    assert await ledger.policy_document(*POLICY) == "{}"
    assert len(recorded(target)) == 3


async def test_a_database_that_takes_the_ledgers_place_gets_the_policies_too(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    """No decision without the document that replays it, as when a standby took over that was behind."""
    await ledger.keep_policies({"ab": "{}"})
    with psycopg.connect(target.dsn, autocommit=True) as outside:
        outside.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ~ 'tidegate'"
        )
        outside.execute("DROP SCHEMA tidegate_ledger CASCADE")
    await ledger.append(sample_record())
    assert await ledger.policy_document("ab") == "{}"


async def test_a_server_that_crashes_under_load_loses_nothing_that_was_acknowledged(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget
) -> None:
    """Three times, with sixteen callers who ask again under the same key until they are answered."""
    answers: dict[str, str] = {}
    done = threading.Event()
    refused = 0

    async def call(caller: int) -> None:
        nonlocal refused
        number = 0
        while not done.is_set():
            key = f"{caller}-{number}"
            try:
                kept = await ledger.append(sample_record(idempotency_key=key, account_id=key))
            except LedgerUnavailable:
                refused += 1
                await asyncio.sleep(0.01)
            else:
                answers[key] = kept.decision_id
                number += 1

    def crashes() -> None:
        try:
            for _ in range(3):
                before = len(answers)
                postgres.restart_at_once()
                while len(answers) < before + 50 and not done.wait(0.02):
                    pass
        finally:
            done.set()

    await asyncio.gather(asyncio.to_thread(crashes), *(call(caller) for caller in range(16)))
    found = recorded(target)
    assert len(answers) >= 150
    assert set(answers.values()) <= set(found)
    assert len(found) == len(set(found))
    keys = {key: (await ledger.find_by_key(key)) for key in answers}
    assert {key: kept.decision_id for key, kept in keys.items() if kept} == answers


async def test_a_server_that_hangs_is_told_in_time_and_nobody_waits_on(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget
) -> None:
    """Its kernel goes on taking what is sent: only a clock of ours notices."""
    kept = await ledger.append(sample_record())
    hasty = PostgresLedger(target, timeout_s=1.0)
    await well_again(hasty)
    with postgres.hanging():
        for call in (hasty.append(sample_record()), hasty.get(kept.decision_id), hasty.policy_document("ab")):
            with pytest.raises(LedgerUnavailable):
                await asyncio.wait_for(call, PATIENT_S)
        assert not await asyncio.wait_for(hasty.ready(), PATIENT_S)
    await well_again(hasty)
    assert await hasty.get(kept.decision_id) == kept
    await hasty.close()
    assert kept.decision_id in recorded(target)


async def test_a_ledger_can_be_closed_while_its_server_hangs(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget
) -> None:
    hasty = PostgresLedger(target, timeout_s=1.0)
    await well_again(hasty)
    with postgres.hanging():
        with pytest.raises(LedgerUnavailable):
            await hasty.append(sample_record())
        await asyncio.wait_for(hasty.close(), PATIENT_S)


async def test_a_full_disk_refuses_loses_nothing_and_recovers(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget
) -> None:
    promised: list[str] = []
    with postgres.with_full_disk(largest_bytes=1_200_000):
        refused = False
        for number in range(200):
            answers = await asyncio.gather(
                *(ledger.append(sample_record(account_id=f"{number}" * 50)) for _ in range(20)), return_exceptions=True
            )
            assert all(isinstance(answer, DecisionRecord | LedgerUnavailable) for answer in answers)
            promised += [answer.decision_id for answer in answers if isinstance(answer, DecisionRecord)]
            if refused := any(isinstance(answer, LedgerUnavailable) for answer in answers):
                break
        assert refused
    promised.append((await well_again(ledger)).decision_id)
    assert set(promised) <= set(recorded(target))


async def test_a_commit_that_waits_for_a_standby_is_not_taken_for_one_that_is_done(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    """A server that shall replicate before it acknowledges acknowledges after a timeout, with a warning."""
    hasty = PostgresLedger(target, timeout_s=1.0)
    await well_again(hasty)
    await _set(target, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try:
        late = sample_record(idempotency_key="late")
        with pytest.raises(LedgerUnavailable):
            await hasty.append(late)
    finally:
        await _set(target, "ALTER SYSTEM RESET synchronous_standby_names")
    await well_again(hasty)
    assert (await well_again(hasty, idempotency_key="late")).idempotency_key == "late"
    await hasty.close()
    assert verified(PostgresPlace(target)).intact


async def test_a_replica_that_stops_half_way_holds_up_nobody(ledger: PostgresLedger, target: PostgresTarget) -> None:
    """It has looked and not written yet: it holds its own chain, and no key."""
    with psycopg.connect(target.dsn) as stopped:
        stopped.execute("SELECT pg_advisory_xact_lock(1)")
        stopped.execute("SELECT * FROM tidegate_ledger.idempotency_keys WHERE idempotency_key = 'k'")
        record = sample_record(idempotency_key="k")
        assert await ledger.append(record) == record


async def test_the_cause_goes_to_the_log_and_not_to_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = PostgresLedger(PostgresTarget("postgresql://somebody:hush@127.0.0.1:1/nothing"))
    with caplog.at_level(logging.ERROR), pytest.raises(LedgerUnavailable) as refused:
        await nowhere.append(sample_record())
    assert "127.0.0.1" not in str(refused.value)
    [logged] = [record for record in caplog.records if record.message == "ledger.commit_failed"]
    assert "Connection refused" in logged.__dict__["cause"]
    assert "hush" not in logged.__dict__["cause"]
    await nowhere.close()


async def _set(target: PostgresTarget, statement: str) -> None:
    def run() -> None:
        with psycopg.connect(target.dsn, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = local")
            connection.execute(statement)
            connection.execute("SELECT pg_reload_conf()")

    await asyncio.to_thread(run)
