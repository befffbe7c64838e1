"""A standby that took over lacks what was acknowledged: it is told, it shows, and no number stands for two records."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.ledger.lossy_proxy import Cut, LossyProxy
from tests.ledger.postgres_server import PostgresServer
from tests.ledger.promoted_standby import PromotedStandby
from tests.ledger.sample_records import sample_record
from tests.ledger.stores import PATIENT_S, verified
from tidegate.cli.main import main
from tidegate.ledger.archive import LedgerFollower
from tidegate.ledger.export import Exported, export
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.record_format import decode
from tidegate.ledger.verify import Break, BreakKind
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import PostgresTarget
from tidegate.telemetry.pressure import LedgerFailure, NullLedgerMetrics

pytestmark = pytest.mark.integration

POLICY = {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a": "{}"}


class Counted(NullLedgerMetrics):
    """Records by why they are not durable."""

    def __init__(self) -> None:
        self.failures: dict[LedgerFailure, int] = {}

    def failed(self, cause: LedgerFailure, *, records: int = 1) -> None:
        self.failures[cause] = self.failures.get(cause, 0) + records


@pytest.fixture
def metrics() -> Counted:
    return Counted()


@pytest.fixture
async def ledger(target: PostgresTarget, metrics: Counted) -> AsyncIterator[PostgresLedger]:
    opened = PostgresLedger(target, timeout_s=PATIENT_S, metrics=metrics)
    yield opened
    await opened.close()


async def written(ledger: PostgresLedger, *ids: str) -> None:
    """One after the other, each under a key of its own."""
    for each in ids:
        await ledger.append(sample_record(decision_id=each, idempotency_key=f"key of {each}"))


class Follower:
    """Takes up all it is given, as the signals' loop does."""

    def __init__(self, target: PostgresTarget) -> None:
        self._notes: dict[str, str] = {}
        self._follower: LedgerFollower = PostgresPlace(target).follower(lambda name: self._notes.get(name, ""))

    def read(self) -> list[str]:
        """Ids of what was new, over a connection of its own: the one before was lost too."""
        new: list[str] = []
        for stretch in self._follower.unread(limit=100):
            new += [decode(payload).decision_id for payload in stretch.payloads]
            self._notes[stretch.cursor] = stretch.place
            self._follower.taken_up(stretch)
        self._follower.close()
        return new


def exported(target: PostgresTarget, out: Path) -> tuple[list[str], Exported]:
    """Ids of all that is in files after one more export, and what that told."""
    with PostgresPlace(target).opened() as archive:
        told = export(archive, out)
    parts = sorted(out.glob("decisions/*/*.parquet"))
    return [each for part in parts for each in pq.read_table(part)["decision_id"].to_pylist()], told


def chains(target: PostgresTarget) -> list[tuple[str, int, str]]:
    """Writer, sequence and decision id of every record, a chain after the other."""
    with PostgresPlace(target).opened() as archive:
        return [(entry.writer_id, entry.sequence, entry.keys.decision_id) for entry in archive.entries()]


def ids(target: PostgresTarget) -> list[str]:
    return [each for _, _, each in chains(target)]


def events(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    """What the writer said of its chain."""
    told = {"ledger.acknowledged_records_missing", "ledger.chain_begun_anew", "ledger.chain_is_another"}
    return [record.message for record in caplog.records if record.message in told]


async def test_what_a_failover_lost_is_told_with_its_numbers_and_ids(
    ledger: PostgresLedger, target: PostgresTarget, metrics: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    await written(ledger, "a", "b", "c")
    standby = PromotedStandby.of(target)
    await written(ledger, "lost-1", "lost-2", "lost-3")
    standby.takes_over()
    await written(ledger, "new-1", "new-2")
    [told] = [each for each in caplog.records if each.message == "ledger.acknowledged_records_missing"]
    fields = told.__dict__
    assert told.levelno == logging.ERROR
    assert (fields["records"], fields["first_sequence"], fields["acknowledged_sequence"]) == (3, 4, 6)
    assert (fields["first_decision_id"], fields["last_decision_id"]) == ("lost-1", "lost-3")
    assert fields["first_decision_id_of"] == 4
    assert metrics.failures == {LedgerFailure.LOST: 3}
    former, new = fields["writer_id"], fields["new_writer_id"]
    assert sorted(chains(target)) == sorted(
        [(former, 1, "a"), (former, 2, "b"), (former, 3, "c"), (new, 1, "new-1"), (new, 2, "new-2")]
    )


async def test_who_follows_reads_what_is_recorded_after_a_failover_that_lost_records(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    """It has read the lost ones, whose numbers no other record may have."""
    follower = Follower(target)
    await written(ledger, "a", "b", "c")
    standby = PromotedStandby.of(target)
    await written(ledger, "lost-1", "lost-2", "lost-3")
    assert follower.read() == ["a", "b", "c", "lost-1", "lost-2", "lost-3"]
    standby.takes_over()
    assert follower.read() == []
    for number in range(5):
        await written(ledger, f"new-{number}")
        assert follower.read() == [f"new-{number}"]
    assert follower.read() == []


async def test_an_export_keeps_what_the_ledger_lost_and_gets_what_is_recorded_since(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path
) -> None:
    await written(ledger, "a", "b", "c")
    standby = PromotedStandby.of(target)
    await written(ledger, "lost-1", "lost-2", "lost-3")
    before = ["a", "b", "c", "lost-1", "lost-2", "lost-3"]
    assert exported(target, tmp_path) == (before, Exported(records=6, files=1, days=1, records_in_all=6))
    standby.takes_over()
    assert exported(target, tmp_path) == (before, Exported(days=1, records_in_all=6, lost=3))
    new = [f"new-{number}" for number in range(5)]
    for count, each in enumerate(new, 1):
        await written(ledger, each)
        told = Exported(records=1, files=1, days=1, records_in_all=6 + count, lost=3)
        assert exported(target, tmp_path) == ([*before, *new[:count]], told)
    said = CliRunner().invoke(main, ["ledger", "export", "--ledger", target.dsn, "--out", str(tmp_path)])
    assert "3 decisions of these days are in" in said.stderr


async def test_verify_reports_the_hole(ledger: PostgresLedger, target: PostgresTarget) -> None:
    await written(ledger, "a", "b", "c")
    standby = PromotedStandby.of(target)
    await written(ledger, "lost-1", "lost-2")
    standby.takes_over()
    assert verified(PostgresPlace(target)).intact, "as long as nobody knows better"
    await written(ledger, "new")
    report = verified(PostgresPlace(target))
    former = standby.heads[0][0]
    assert report.breaks == (Break(BreakKind.TRUNCATED, former, 4, detail="the last 2 records are gone"),)
    assert (report.records, report.writers) == (4, 2)


async def test_a_whole_chain_that_is_lost_shows_too(
    ledger: PostgresLedger, target: PostgresTarget, caplog: pytest.LogCaptureFixture
) -> None:
    await ledger.keep_policies(POLICY)
    standby = PromotedStandby.of(target)
    await written(ledger, "lost-1", "lost-2")
    standby.takes_over()
    await written(ledger, "new")
    [broken] = verified(PostgresPlace(target)).breaks
    assert (broken.kind, broken.sequence) == (BreakKind.TRUNCATED, 1)
    assert ids(target) == ["new"]
    assert events(caplog) == ["ledger.acknowledged_records_missing"]


async def test_keys_of_lost_decisions_are_free_and_those_of_others_are_kept(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    await written(ledger, "kept")
    standby = PromotedStandby.of(target)
    await written(ledger, "lost")
    standby.takes_over()
    answers = [
        await ledger.append(sample_record(decision_id=f"again-{number}", idempotency_key=f"key of {each}"))
        for number, each in enumerate(("kept", "lost", "lost"))
    ]
    assert [answer.decision_id for answer in answers] == ["kept", "again-1", "again-1"]
    assert sorted(ids(target)) == ["again-1", "kept"]


async def test_a_second_failover_is_told_from_the_first(
    ledger: PostgresLedger, target: PostgresTarget, metrics: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    await written(ledger, "a")
    for number in range(2):
        standby = PromotedStandby.of(target)
        await written(ledger, f"lost-{number}-1", f"lost-{number}-2")
        standby.takes_over()
        await written(ledger, f"new-{number}")
    assert [each.__dict__["records"] for each in caplog.records if "missing" in each.message] == [2, 2]
    assert metrics.failures == {LedgerFailure.LOST: 4}
    assert sorted(ids(target)) == ["a", "new-0", "new-1"]
    breaks = verified(PostgresPlace(target)).breaks
    assert [(each.kind, each.sequence) for each in breaks] == [(BreakKind.TRUNCATED, 2)] * 2


async def test_a_lost_connection_that_lost_nothing_leaves_the_chain_as_it_is(
    ledger: PostgresLedger, target: PostgresTarget, caplog: pytest.LogCaptureFixture
) -> None:
    await written(ledger, "a", "b")
    PromotedStandby.of(target).takes_over()
    await ledger.keep_policies(POLICY)
    await written(ledger, "c")
    assert [sequence for _, sequence, _ in chains(target)] == [1, 2, 3]
    assert not events(caplog)


async def test_a_commit_that_others_saw_and_a_failover_lost_is_made_again_under_another_number(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody was promised it, so nothing is missing; but a follower has read it where it was committed first."""
    await written(ledger, "a")
    follower, proxy = Follower(target), LossyProxy(postgres.port)
    distant = PostgresLedger(PostgresTarget(f"postgresql://tidegate@127.0.0.1:{proxy.port}/postgres"), timeout_s=60)
    await written(distant, "b")
    standby, seen = PromotedStandby.of(target), list[str]()

    def fails_over() -> None:
        seen.extend(follower.read())
        standby.takes_over()

    record = sample_record(decision_id="c", content_id="the-marked-one", idempotency_key="k")
    proxy.cut_at(b"the-marked-one", Cut.AFTER_THE_ANSWER, meanwhile=fails_over)
    assert await distant.append(record) == record
    assert proxy.cuts == 1
    assert sorted(seen) == ["a", "b", "c"]
    assert await distant.append(sample_record(content_id="the-marked-one", idempotency_key="k")) == record
    assert follower.read() == ["c"], "it is in the ledger once, and the follower can't miss it"
    assert sorted(ids(target)) == ["a", "b", "c"]
    assert verified(PostgresPlace(target)).intact
    assert events(caplog) == ["ledger.chain_begun_anew"]
    await distant.close()
    proxy.close()


async def test_a_loss_that_can_not_be_noted_at_once_is_noted_later_and_told_once(
    ledger: PostgresLedger, target: PostgresTarget, metrics: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    """Until then nothing is recorded, or the hole would not show."""
    await written(ledger, "a")
    standby = PromotedStandby.of(target)
    await written(ledger, "lost")
    standby.takes_over()

    def asked(statement: str) -> None:
        with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
            outside.execute(statement)

    asked("CREATE TRIGGER refuse_all BEFORE INSERT ON tidegate_ledger.heads EXECUTE FUNCTION tidegate_ledger.refuse()")
    for call in (ledger.keep_policies(POLICY), written(ledger, "refused"), written(ledger, "refused")):
        with pytest.raises(LedgerUnavailable):
            await call
    asked("DROP TRIGGER refuse_all ON tidegate_ledger.heads")
    await asyncio.sleep(0.2)  # a server that has refused it is left alone for up to 0.15 s
    await written(ledger, "new")
    [broken] = verified(PostgresPlace(target)).breaks
    assert (broken.kind, broken.sequence) == (BreakKind.TRUNCATED, 2)
    assert sorted(ids(target)) == ["a", "new"]
    assert events(caplog) == ["ledger.acknowledged_records_missing"]
    assert metrics.failures[LedgerFailure.LOST] == 1
