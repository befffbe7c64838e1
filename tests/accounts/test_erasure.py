"""Erasing on real stores: gone from every byte, and stays gone."""

import asyncio
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from redis import Redis

from tests.accounts.deployment import ACCOUNTS, DECISIONS, GONE, NEXT, NOW, Deployment, history
from tests.accounts.traces import traces
from tests.enrichment.conftest import RedisServer
from tidegate.accounts.event_records import EventRecords
from tidegate.accounts.held import AccountStoreUnavailableError, Store, plain
from tidegate.accounts.receipts import Receipts
from tidegate.features.batch.compute import ASKING, COMPUTING, BatchBusyError, alone
from tidegate.features.batch.run_directory import RUNS, published
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import Appended
from tidegate.features.events.validation import DEFAULT_LIMITS
from tidegate.features.history import OFFLINE
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import seed
from tidegate.features.refs import ACCOUNT_ACTIVITY
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.local_intake import LocalSignalIntake
from tidegate.ledger.verify import verify
from tidegate.serving.signals.ledger_tail import LedgerTail

KEPT_ONLY = {"events": 0, "events_of_others": 0, "online": 0, "offline": 0, "decisions": DECISIONS}


def test_no_file_but_the_ledger_has_a_trace_of_an_erased_account(deployment: Deployment) -> None:
    assert {Path(name).name for name in traces(deployment.state, "kept-007")} >= {"events.db", "online.db"}
    deployment.erase("kept-007")
    assert traces(deployment.state, "kept-007") == []


def test_an_account_goes_from_every_store_and_one_whose_name_begins_alike_stays(deployment: Deployment) -> None:
    before, other = deployment.held(), deployment.held(NEXT)
    receipt = deployment.erase()
    assert deployment.held() == KEPT_ONLY
    assert {**plain(receipt.removed), "decisions": DECISIONS} == before
    assert deployment.held(NEXT) == other
    deployment.erase(NEXT)
    assert traces(deployment.state, GONE) == []


@pytest.mark.parametrize("draw", range(3))
def test_whoever_is_erased_the_others_keep_all_they_had(deployment: Deployment, draw: int) -> None:
    """Of what others had only the erased accounts' names go: a pseudonym stands for them."""
    chosen = random.Random(draw).sample(ACCOUNTS, 4)
    watched = random.Random(draw + 100).sample([each for each in ACCOUNTS if each not in chosen], 3)
    before = {each: deployment.export(each) for each in watched}
    for account_id in chosen:
        deployment.erase(account_id)
    for account_id in chosen:
        assert {**deployment.held(account_id), "decisions": 0} == {**KEPT_ONLY, "decisions": 0}
    if GONE not in chosen or NEXT in chosen:  # otherwise the one is found in the other's name
        assert [name for each in chosen for name in traces(deployment.state, each)] == []
    for account_id in watched:
        after, former = deployment.export(account_id), before[account_id]
        kept = [entry for entry in former.entries if entry.content.get("account_id") not in chosen]
        assert [(entry.store, entry.at) for entry in after.entries] == [(entry.store, entry.at) for entry in kept]
        for now, then in zip(after.entries, kept, strict=True):
            pseudonym = {"counterpart_id": now.content.get("counterpart_id")}
            named = then.content.get("counterpart_id") in chosen
            assert not named or str(pseudonym["counterpart_id"]).startswith("erased:")
            if then.store is not Store.ONLINE:  # its freshness changes by itself
                assert now.content == ({**then.content, **pseudonym} if named else then.content)


def test_the_same_events_do_not_come_back_and_later_ones_are_a_new_history(deployment: Deployment) -> None:
    receipt = deployment.erase()
    with deployment.log() as log:
        answers = log.append(history(GONE), recorded_at=datetime.now(UTC))
        assert set(answers) == {Appended.ERASED}
        again = log.append(history("kept-001"), recorded_at=datetime.now(UTC))
        assert set(again) == {Appended.REPEATED}, "though one of them named the erased account"
    assert deployment.held() == KEPT_ONLY
    with deployment.log() as log:
        later = receipt.erased_up_to + timedelta(seconds=1)
        anew = AccountEvent("anew", GONE, EventKind.COMMENT, later, subject_id="c")
        assert log.append([anew], recorded_at=later) == [Appended.NEW]
    assert deployment.held()["events"] == 1


def test_computing_and_materialising_again_bring_nothing_back(deployment: Deployment, tmp_path: Path) -> None:
    with deployment.log() as log:
        pq.write_table(log.history(ACCOUNTS), tmp_path / "old.parquet")
    deployment.erase()
    deployment.materialize()
    assert deployment.held() == KEPT_ONLY
    for options in ({}, {"sources": [tmp_path / "old.parquet"]}):
        deployment.compute(**options)
        deployment.materialize()
        assert deployment.held() == KEPT_ONLY
    deployment.erase(NEXT)
    assert traces(deployment.state, GONE) == []


def test_a_demo_account_is_not_made_again_by_a_later_seed(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "state")
    demo = ["acct-strikes", "acct-stale", "acct-00003", "user-3"]
    for now in (NOW, NOW + timedelta(days=2)):
        seed(
            deployment.places.features,
            OnlineChoice(),
            count=5,
            random_seed=7,
            now=now,
            progress=lambda _: None,
            signals=deployment.places.events,
        )
        if now == NOW:
            assert all(sum(deployment.held(each).values()) for each in demo)
            for each in demo:
                deployment.erase(each)
    with deployment.log() as log:
        assert not set(demo) & set(log.accounts())
        assert "acct-trusted" in log.accounts()
    assert [sum(deployment.held(each).values()) for each in demo] == [0, 0, 0, 0]


def test_the_ledger_is_kept_whole_and_the_receipt_says_why(deployment: Deployment) -> None:
    receipt = deployment.erase()
    assert (receipt.kept.count, receipt.kept.last) == (DECISIONS, NOW - timedelta(days=1))
    document = orjson.loads(Receipts(deployment.places.erasures).path(receipt.receipt_id).read_bytes())
    assert "Digital Services Act" in document["kept"]["decisions"]["ground"]
    with deployment.places.ledger.opened() as archive:
        assert verify(archive).intact


def test_a_receipt_is_found_by_whoever_knows_the_name_and_names_nobody(deployment: Deployment) -> None:
    deployment.erase()
    deployment.erase(NEXT)
    receipts = Receipts(deployment.places.erasures)
    with deployment.log() as log:
        assert set(log.erased([GONE, NEXT, "kept-001"])) == {GONE, NEXT}
    digest = EventRecords(deployment.places.events).digest(GONE)
    assert digest is not None
    (own,) = receipts.of(digest)
    assert own["removed"]["online"] == 4
    assert len(list(deployment.places.erasures.glob("*.json"))) == 2
    assert traces(deployment.places.erasures, "müller") == []
    assert deployment.places.erasures.stat().st_mode & 0o077 == 0


def test_unfinished_runs_and_exports_that_name_it_go_and_others_stay(deployment: Deployment) -> None:
    offline = deployment.places.features / OFFLINE
    with deployment.log() as log:
        named, unnamed = log.history([GONE]), log.history(["kept-010"])
        unnamed = unnamed.filter(pc.not_equal(unnamed["counterpart_id"], GONE))
    split = offline / RUNS / "0123456789abcdef" / "split" / "part=3"
    other = offline / RUNS / "fedcba9876543210" / "split" / "part=0"
    half = offline / RUNS / published(offline).name / "account_risk" / ".part-0000.parquet.draft"
    for folder, table in ((split, named), (other, unnamed), (offline / "export", named)):
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "events-0000.parquet")
    whole = (offline / "export" / "events-0000.parquet").read_bytes()
    (offline / ".export.draft").mkdir()
    (offline / ".export.draft" / "events-0000.parquet").write_bytes(whole[: len(whole) // 2])
    half.write_bytes(whole[: len(whole) // 2])
    assert deployment.held()["offline"] == 8, "rows of views"
    deployment.erase()
    deployment.erase(NEXT)
    assert traces(deployment.state, GONE) == []
    assert not half.exists()
    assert not split.parent.parent.exists()
    assert (other / "events-0000.parquet").exists()


def test_published_runs_stay_readable_with_counts_that_hold(deployment: Deployment) -> None:
    offline = deployment.places.features / OFFLINE
    before = published(offline)
    deployment.erase()
    after = published(offline)
    assert after.name == before.name
    rows = sum(pq.read_metadata(part).num_rows for part in after.parts(ACCOUNT_ACTIVITY))
    assert after.row_counts[ACCOUNT_ACTIVITY.name] == rows == len(ACCOUNTS) - 1


def test_rows_of_a_view_that_no_release_declares_any_more_go_as_well(deployment: Deployment) -> None:
    database = sqlite3.connect(deployment.places.features / "online.db")
    (table,) = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%account_risk%' AND type = 'table'")
    database.execute(f'CREATE TABLE "tidegate_account_former" AS SELECT * FROM "{table[0]}"')
    database.commit()
    database.close()
    deployment.erase()
    deployment.erase(NEXT)
    assert traces(deployment.state, GONE) == []


def test_a_batch_run_at_work_keeps_an_erasure_from_beginning(deployment: Deployment) -> None:
    offline = deployment.places.features / OFFLINE
    eraser = deployment.eraser()
    eraser._stores.offline._wait_s = 0.1
    for lock in (ASKING, COMPUTING):
        with alone(offline, lock), pytest.raises(AccountStoreUnavailableError, match="batch run is at work"):
            eraser.erase(GONE, kept=eraser.look(GONE).kept, say=lambda _: None)
    assert deployment.export().erased_at is None
    with eraser._stores.offline.alone(), pytest.raises(BatchBusyError):
        deployment.compute()


def test_a_published_file_that_cannot_be_read_is_said_and_nothing_begins(deployment: Deployment) -> None:
    offline = deployment.places.features / OFFLINE
    published(offline).parts(ACCOUNT_ACTIVITY)[0].write_bytes(b"PAR1 and then nothing")
    with pytest.raises(AccountStoreUnavailableError, match=r"part-0000\.parquet is no readable Parquet file"):
        deployment.erase()
    assert not list(deployment.places.erasures.glob("*.json"))
    with deployment.log() as log:
        assert not log.erased([GONE])


def test_events_ahead_of_our_clock_are_erased_and_stay_so(deployment: Deployment) -> None:
    ahead = AccountEvent("ahead", GONE, EventKind.COMMENT, datetime.now(UTC) + timedelta(minutes=4), subject_id="c")
    with deployment.log() as log:
        log.append([ahead], recorded_at=datetime.now(UTC))
    receipt = deployment.erase()
    assert receipt.erased_up_to == ahead.occurred_at
    with deployment.log() as log:
        assert log.append([ahead], recorded_at=datetime.now(UTC)) == [Appended.ERASED]


async def test_our_own_decisions_are_not_taken_up_again_from_the_ledger(deployment: Deployment) -> None:
    def clock() -> datetime:
        return datetime.now(UTC)

    deployment.erase()
    with deployment.log() as log:
        intake = LocalSignalIntake(log, clock=clock, limits=DEFAULT_LIMITS, fresh=FreshlyTouched())
        tail = LedgerTail(deployment.places.ledger, log=log, intake=intake, clock=clock)
        assert await asyncio.to_thread(tail.read_on) == 2 * DECISIONS
        await intake.close()
    assert deployment.held() == KEPT_ONLY
    assert deployment.held(NEXT)["events"] > 17, "the other account's were taken up"


class TestOnRedis:
    """The same where the online store is a real Redis."""

    def test_every_key_of_the_account_goes_and_no_other(self, on_redis: Deployment, redis_server: RedisServer) -> None:
        with Redis(port=redis_server.port) as client:
            before = set(client.keys())
            assert len(before) == len(ACCOUNTS)
            receipt = on_redis.erase()
            left = set(client.keys())
        assert receipt.removed[Store.ONLINE] == 4
        (gone,) = before - left
        assert gone.endswith(GONE.encode() + b"tidegate")
        on_redis.compute()
        on_redis.materialize()
        assert on_redis.held() == KEPT_ONLY

    def test_a_redis_that_is_gone_is_said_and_erasing_goes_on_when_it_is_back(
        self, on_redis: Deployment, redis_server: RedisServer
    ) -> None:
        redis_server.kill()
        with pytest.raises(AccountStoreUnavailableError, match="online"):
            on_redis.erase()
        redis_server.start()  # empty, as it keeps nothing
        on_redis.materialize()
        assert on_redis.erase().removed[Store.ONLINE] == 4
        assert on_redis.held() == KEPT_ONLY
