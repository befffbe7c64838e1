"""The Feast adapter on a real SQLite online store."""

import asyncio
import logging
import shutil
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import StoredRow
from tidegate.enrichment.port import AccountFeatures, SignalsRequest
from tidegate.features.feature import Service
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, open_repository
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.recorder import Recorder

UNTRACED = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)


def adapter(state: Path, now: datetime) -> FeastAccountFeatures:
    return FeastAccountFeatures(FeastReader(state), tracer=Recorder(), clock=lambda: now)


async def look_up(features: AccountFeatures, *account_ids: str, budget_ms: float = 60_000) -> Sequence[AccountSignals]:
    return await features.lookup([SignalsRequest(name, budget_ms, UNTRACED) for name in account_ids])


def present(signals: AccountSignals) -> dict[str, set[Freshness]]:
    """How fresh the values are, by view; a view that has none is left out."""
    views = defaultdict[str, set[Freshness]](set)
    for value in signals.values:
        if value.freshness is not Freshness.MISSING:
            views[value.name.split("__")[0]].add(value.freshness)
    return dict(views)


def write_online(state: Path, account_id: str, event_time: datetime, values: dict[str, Value]) -> None:
    store = open_repository(state)
    key = EntityKey(join_keys=["account_id"], entity_values=[Value(string_val=account_id)])
    view = store.get_feature_view(ACCOUNT_PROFILE.name)
    store.provider.online_write_batch(store.config, view, [(key, values, event_time, None)], None)
    close_repository(store)


class CountingReader(FeastReader):
    """A reader that also remembers what it was asked for."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.asked: list[list[str]] = []

    def read(self, account_ids: Sequence[str]) -> list[tuple[StoredRow, ...]]:
        self.asked.append([*account_ids])
        return super().read(account_ids)


async def test_a_recent_row_is_fresh_with_its_values_and_event_time(seeded: Path, now: datetime) -> None:
    (signals,) = await look_up(adapter(seeded, now), "acct-strikes")
    values = {value.name: value for value in signals.values}
    strikes = values["account_enforcement__strikes_90d"]
    assert (strikes.value, strikes.freshness, strikes.event_time) == (3, Freshness.FRESH, now - timedelta(hours=1))
    assert values["account_enforcement__strike_points"].value == 7.0
    assert values["account_enforcement__last_action"].value == "BLOCK"
    assert values["account_profile__email_confirmed"].value is True


async def test_values_come_in_the_services_order(seeded: Path, now: datetime) -> None:
    (signals,) = await look_up(adapter(seeded, now), "acct-new")
    assert [value.name for value in signals.values] == [ref.full_name for ref in ACCOUNT_SIGNALS_V2.refs()]


async def test_each_view_ages_by_its_own_event_time_and_ttl(seeded: Path, now: datetime) -> None:
    (signals,) = await look_up(adapter(seeded, now), "acct-stale")
    assert present(signals) == {"account_profile": {Freshness.FRESH}, "account_enforcement": {Freshness.STALE}}
    assert signals.known


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (timedelta(), Freshness.FRESH),
        (ACCOUNT_ENFORCEMENT.ttl - timedelta(hours=1), Freshness.FRESH),
        (ACCOUNT_ENFORCEMENT.ttl - timedelta(minutes=59), Freshness.STALE),
    ],
)
async def test_the_same_row_goes_stale_as_the_clock_moves(
    seeded: Path, now: datetime, later: timedelta, expected: Freshness
) -> None:
    (signals,) = await look_up(adapter(seeded, now + later), "acct-trusted")
    assert present(signals)["account_enforcement"] == {expected}


async def test_an_absent_view_is_missing_on_a_known_account(seeded: Path, now: datetime) -> None:
    (signals,) = await look_up(adapter(seeded, now), "acct-partial")
    assert signals.known
    assert present(signals) == {"account_profile": {Freshness.FRESH}}


async def test_an_unknown_account_is_an_answer(seeded: Path, now: datetime) -> None:
    (signals,) = await look_up(adapter(seeded, now), "acct-nobody")
    assert (signals.status, signals.known) == (LookupStatus.OK, False)
    assert {value.freshness for value in signals.values} == {Freshness.MISSING}
    assert {value.event_time for value in signals.values} == {None}


async def test_nulls_and_values_of_another_type_are_missing_and_the_rest_is_not(
    sqlite_state: Path, now: datetime
) -> None:
    values = {"account_age_days": Value(string_val="9"), "followers": Value(), "verified": Value(bool_val=True)}
    write_online(sqlite_state, "acct-odd", now, values)
    (signals,) = await look_up(adapter(sqlite_state, now), "acct-odd")
    present = {value.name for value in signals.values if value.freshness is Freshness.FRESH}
    assert present == {"account_profile__verified"}
    assert signals.known


async def test_answers_come_in_the_batchs_order_and_duplicates_are_read_once(seeded: Path, now: datetime) -> None:
    reader = CountingReader(seeded)
    features = FeastAccountFeatures(reader, tracer=Recorder(), clock=lambda: now)
    answers = await look_up(features, "acct-new", "acct-strikes", "acct-new", "acct-nobody", "acct-new")
    assert reader.asked == [["acct-new", "acct-strikes", "acct-nobody"]]
    assert [answer.known for answer in answers] == [True, True, True, False, True]
    assert answers[0] == answers[2] == answers[4] != answers[1]


async def test_an_empty_batch_reads_nothing(seeded: Path, now: datetime) -> None:
    reader = CountingReader(seeded)
    assert await FeastAccountFeatures(reader, tracer=Recorder(), clock=lambda: now).lookup([]) == []
    assert reader.asked == []


async def test_values_and_times_are_those_of_feasts_own_answer(seeded: Path, now: datetime) -> None:
    ids = [f"acct-{number:05d}" for number in range(1, 65)] + ["acct-trusted", "acct-partial", "acct-nobody"]
    store = open_repository(seeded)
    theirs = store.get_online_features(
        store.get_feature_service("account_signals_v2"), [{"account_id": name} for name in ids], full_feature_names=True
    ).to_dict(include_event_timestamps=True)
    for row, signals in enumerate(await look_up(adapter(seeded, now), *ids)):
        assert signals.status is LookupStatus.OK
        for value in signals.values:
            assert value.value == theirs[value.name][row]
            if value.event_time is not None:  # a null has none here, and its row's in Feast's answer
                assert int(value.event_time.timestamp()) == theirs[f"{value.name}__ts"][row]


async def test_a_budget_that_is_gone_is_timed_out(seeded: Path, now: datetime) -> None:
    answers = await look_up(adapter(seeded, now), "acct-new", "acct-trusted", budget_ms=0)
    assert answers == [AccountSignals(status=LookupStatus.TIMED_OUT)] * 2


async def test_a_late_caller_does_not_spoil_the_batch(seeded: Path, now: datetime) -> None:
    batch = [SignalsRequest("acct-new", 0, UNTRACED), SignalsRequest("acct-trusted", 60_000, UNTRACED)]
    assert [answer.status for answer in await adapter(seeded, now).lookup(batch)] == [LookupStatus.OK] * 2


async def test_a_deleted_store_fails_and_its_replacement_works(sqlite_state: Path, now: datetime) -> None:
    """An open connection to a deleted file would go on answering from it."""
    features = adapter(sqlite_state, now)
    assert [answer.status for answer in await look_up(features, "acct-new")] == [LookupStatus.OK]
    kept = sqlite_state / "kept.db"
    (sqlite_state / "online.db").rename(kept)
    assert [answer.status for answer in await look_up(features, "acct-new")] == [LookupStatus.FAILED]
    assert not await features.ready()
    assert not (sqlite_state / "online.db").exists(), "an empty store must not take the place of an outage"
    shutil.copy(kept, sqlite_state / "online.db")
    assert [answer.known for answer in await look_up(features, "acct-new")] == [True]
    assert await features.ready()


async def test_a_corrupt_store_fails_and_its_replacement_works(sqlite_state: Path, now: datetime) -> None:
    online = sqlite_state / "online.db"
    assert not (sqlite_state / "online.db-wal").exists(), "else the log would still answer"
    intact = online.read_bytes()
    online.write_bytes(b"not a database, but long enough to look like one " * 100)
    features = adapter(sqlite_state, now)
    assert await look_up(features, "acct-new", "acct-new") == [AccountSignals(status=LookupStatus.FAILED)] * 2
    assert not await features.ready()
    online.write_bytes(intact)
    assert [answer.known for answer in await look_up(features, "acct-new")] == [True]


async def test_a_store_without_tables_fails(sqlite_state: Path, now: datetime) -> None:
    (sqlite_state / "online.db").write_bytes(b"")
    features = adapter(sqlite_state, now)
    assert [answer.status for answer in await look_up(features, "acct-new")] == [LookupStatus.FAILED]
    assert not await features.ready()


async def test_a_directory_without_repository_fails_until_it_is_applied(tmp_path: Path, now: datetime) -> None:
    features = adapter(tmp_path, now)
    assert not await features.ready()
    assert [answer.status for answer in await look_up(features, "acct-new")] == [LookupStatus.FAILED]
    apply(tmp_path, OnlineChoice(), progress=lambda _: None)
    assert await features.ready()


async def test_definitions_that_lack_a_feature_are_not_ready(tmp_path: Path, now: datetime) -> None:
    older = Service(ACCOUNT_SIGNALS_V2.name, "an older release's", (ACCOUNT_PROFILE,))
    apply(tmp_path, OnlineChoice(), progress=lambda _: None, service=older)
    assert not await adapter(tmp_path, now).ready()


async def test_an_outage_is_logged_when_it_begins_and_ends_without_account_ids(
    sqlite_state: Path, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    online, kept = sqlite_state / "online.db", sqlite_state / "kept.db"
    features = adapter(sqlite_state, now)
    online.rename(kept)
    for _ in range(3):
        await look_up(features, "acct-new")
    kept.rename(online)
    await look_up(features, "acct-new")
    logged = [(record.message, record.levelno, record.__dict__["error"]) for record in caplog.records]
    assert logged == [
        ("online feature reads fail", logging.WARNING, "OnlineStoreMissingError"),
        ("online feature reads work again", logging.WARNING, "OnlineStoreMissingError"),
    ]
    assert "acct-new" not in caplog.text


async def test_concurrent_batches_all_get_their_own_answers(seeded: Path, now: datetime) -> None:
    features = FeastAccountFeatures(FeastReader(seeded), tracer=Recorder(), clock=lambda: now, waiting=100)
    ids = [f"acct-{number:05d}" for number in range(1, 65)]
    alone = {name: (await look_up(features, name))[0] for name in ids}
    batches = [ids[start : start + 16] for start in range(48)]
    answers = await asyncio.gather(*(look_up(features, *batch) for batch in batches))
    for batch, answer in zip(batches, answers, strict=True):
        assert [*answer] == [alone[name] for name in batch]


async def test_after_closing_it_fails_and_does_not_raise(seeded: Path, now: datetime) -> None:
    features = adapter(seeded, now)
    await look_up(features, "acct-new")
    await features.close()
    assert [answer.status for answer in await look_up(features, "acct-new")] == [LookupStatus.FAILED]
    assert not await features.ready()
