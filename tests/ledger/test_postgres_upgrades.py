"""Two releases on one database, as during an upgrade: the older one goes on where the newer one's tables let it."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ledger import next_release
from tests.ledger.lossy_proxy import Cut, LossyProxy
from tests.ledger.next_release import LEDGER_STEP, after
from tests.ledger.postgres_server import PostgresServer
from tests.ledger.sample_records import sample_record
from tests.ledger.schema_versions import asked, migrated, noted, run
from tests.ledger.stores import PATIENT_S, PostgresStore, verified
from tidegate.ledger.archive import LedgerUnreadableError
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.schema import ForeignSchemaError
from tidegate.telemetry.pressure import LedgerFailure, NullLedgerMetrics

pytestmark = pytest.mark.integration

NEXT = LEDGER.newest + 1
REFUSED = (
    f"has schema version {NEXT}, which a newer Tidegate made and which needs one that knows version {NEXT} at least;"
    f" this one knows {LEDGER.newest} at most"
)
POLICY = {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a": "{}"}


class Counted(NullLedgerMetrics):
    """Why records are not durable."""

    def __init__(self) -> None:
        self.failures: list[LedgerFailure] = []

    def failed(self, cause: LedgerFailure, *, records: int = 1) -> None:
        self.failures += [cause] * records


@pytest.fixture
async def ledger(target: PostgresTarget) -> AsyncIterator[PostgresLedger]:
    """A router of this release, which is connected."""
    opened = PostgresLedger(target, timeout_s=PATIENT_S)
    await opened.append(sample_record())
    yield opened
    await opened.close()


async def test_an_older_release_reads_and_writes_under_newer_tables_and_connects_again(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget, tmp_path: Path
) -> None:
    assert migrated(target, after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=LEDGER.newest)) == []
    keyed = sample_record(idempotency_key="k")
    assert await ledger.append(keyed) == keyed
    await asyncio.to_thread(postgres.restart_at_once)
    later = sample_record(decided_at=datetime(2027, 3, 1, tzinfo=UTC))
    assert await ledger.append(later) == later
    assert await ledger.get(keyed.decision_id) == keyed
    assert await ledger.append(sample_record(idempotency_key="k")) == keyed
    await ledger.keep_policies(POLICY)
    assert await ledger.ready()
    other = PostgresLedger(target, timeout_s=PATIENT_S)  # a replica of this release that starts only now
    assert await other.append(sample_record(idempotency_key="k")) == keyed
    assert await other.policy_document(*POLICY) == "{}"
    await other.close()
    made_by_older = "SELECT attname FROM pg_attribute WHERE attrelid = 'tidegate_ledger.records_20270301'::regclass"
    assert ("release",) in asked(target, made_by_older)


async def test_who_looks_back_goes_on_and_nothing_is_removed(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path
) -> None:
    """What was removed under rules that are not known could not be put back."""
    newer = after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=LEDGER.newest)
    migrated(target, newer)
    await ledger.append(sample_record())
    for command in (["verify"], ["stats"], ["migrate"], ["export", "--out", str(tmp_path / "out")]):
        result = run("ledger", *command, "--ledger", target.dsn)
        assert (result.exit_code, result.stderr.strip()) == (0, "")
    assert noted(target, newer)[-1] == (NEXT, LEDGER.newest)
    with contextlib.closing(PostgresStore(target).place.follower(lambda _: "")) as follower:
        assert [len(stretch.payloads) for stretch in follower.unread(limit=10)] == [2]
    result = run("ledger", "retention", "--keep-days", "1", "--not-exported", "--ledger", target.dsn)
    assert result.exit_code == 1
    assert f"its schema version {NEXT} is of a newer Tidegate, and this one knows {LEDGER.newest}" in result.stderr
    assert verified(PostgresStore(target).place).records == 2


async def test_two_releases_write_at_the_same_time_and_the_ledger_is_whole(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path
) -> None:
    """Under the same keys, of which each stands for one decision, whoever made it."""
    keys, arguments = 60, [target.dsn, str(tmp_path), "2", "60", "shared"]
    program = [sys.executable, "-m", next_release.__name__, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    newer = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE, env=environment)
    assert newer.stdout is not None
    assert await newer.stdout.readline() == b"READY\n"  # it has brought the tables to its version
    older = {
        key: await ledger.append(sample_record(idempotency_key=f"shared-{key}", account_id="a"))
        for key in reversed(range(keys))
    }
    answers = [line.split() for line in (await newer.stdout.read()).decode().splitlines()]
    assert await newer.wait() == 0
    assert len(answers) == 2 * keys
    assert {(int(key), decision_id) for key, decision_id in answers} == {
        (key, kept.decision_id) for key, kept in older.items()
    }
    report = verified(PostgresStore(target).place)
    assert (report.intact, report.writers, report.records) == (True, 2, keys + 2)
    releases = "SELECT writer_id, min(release), max(release), count(*) = count(release) FROM tidegate_ledger.records"
    found = {row[1:] for row in asked(target, f"{releases} GROUP BY writer_id")}
    assert found == {("next", "next", True), (None, None, False)}


async def test_an_older_release_is_refused_by_tables_that_break_it_and_told_why(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [told] = migrated(target, after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=NEXT))
    assert f"know version {LEDGER.newest} at most are refused" in told
    again = PostgresLedger(target, timeout_s=PATIENT_S)
    with pytest.raises(LedgerUnavailable):
        await again.append(sample_record())
    with pytest.raises(LedgerUnavailable):
        await again.get("d")
    await again.close()
    [failed] = [each for each in caplog.records if each.message == "ledger.commit_failed"]
    assert REFUSED in failed.__dict__["cause"]
    for command in (["verify"], ["stats"], ["migrate"]):
        result = run("ledger", *command, "--ledger", target.dsn)
        assert result.exit_code == 1
        assert REFUSED in result.stderr
    place = PostgresStore(target).place
    with pytest.raises(LedgerUnreadableError, match=REFUSED), place.remover():
        pass
    with contextlib.closing(place.follower(lambda _: "")) as follower, pytest.raises(ForeignSchemaError, match=REFUSED):
        follower.unread(limit=10)


async def test_a_lost_commit_is_not_looked_for_where_looking_is_refused(
    ledger: PostgresLedger,
    postgres: PostgresServer,
    target: PostgresTarget,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The callers hear of it at once: to ask a newer router under the same key is safe, and to wait is no use."""
    newer, metrics = after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=NEXT), Counted()
    proxy = LossyProxy(postgres.port)
    through = PostgresTarget(f"postgresql://tidegate@127.0.0.1:{proxy.port}/postgres")
    distant = PostgresLedger(through, timeout_s=PATIENT_S, metrics=metrics)
    await distant.append(sample_record())
    record = sample_record(content_id="the-marked-one", idempotency_key="k")

    def upgraded() -> None:
        migrated(target, newer)

    proxy.cut_at(b"the-marked-one", Cut.AFTER_THE_ANSWER, meanwhile=upgraded)
    with pytest.raises(LedgerUnavailable):
        await distant.append(record)
    assert metrics.failures == [LedgerFailure.COMMIT]
    [failed] = [each for each in caplog.records if each.message == "ledger.commit_failed"]
    assert REFUSED in failed.__dict__["cause"]
    await distant.close()
    proxy.close()
    kept = "SELECT count(*) FROM tidegate_ledger.idempotency_keys WHERE idempotency_key = 'k'"
    assert asked(target, kept) == [(1,)]
