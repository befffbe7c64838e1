import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.batch.run_directory import NothingPublishedError, published
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.feature import View
from tidegate.features.history import OFFLINE
from tidegate.features.online import EVENTS, OnlineChoice
from tidegate.features.pipeline import apply, compute, materialize, seed
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, open_repository

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ignore(_: object) -> None:
    pass


def online_times(state: Path, view: View, account_ids: list[str]) -> list[datetime | None]:
    store = open_repository(state)
    keys = [EntityKey(join_keys=["account_id"], entity_values=[Value(string_val=name)]) for name in account_ids]
    rows = store.provider.online_read(store.config, store.get_feature_view(view.name), keys)
    close_repository(store)
    return [event_time for event_time, _ in rows]


def rows_of(state: Path, view: View) -> list[dict[str, Any]]:
    return [row for part in published(state / OFFLINE).parts(view) for row in pq.read_table(part).to_pylist()]


@contextlib.contextmanager
def opened(state: Path) -> Iterator[SqliteEventLog]:
    log = SqliteEventLog(state / EVENTS)
    yield log
    log.close()


def comment(account_id: str, at: datetime) -> AccountEvent:
    name = f"{account_id} {at.isoformat()}"
    return AccountEvent(name, account_id, EventKind.COMMENT, at, subject_id=name)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A repository whose log holds a comment of `a` four and two hours ago, and of `b` one hour ago."""
    apply(tmp_path, OnlineChoice(), progress=ignore)
    comments = [comment("a", NOW - timedelta(hours=4)), comment("a", NOW - timedelta(hours=2))]
    with opened(tmp_path) as log:
        log.append([*comments, comment("b", NOW - timedelta(hours=1))], recorded_at=NOW)
    return tmp_path


def test_every_published_row_is_online_with_its_event_time(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=30, random_seed=7, now=NOW + timedelta(milliseconds=250), progress=ignore)
    for view in ACCOUNT_SIGNALS_V2.views:
        rows = rows_of(tmp_path, view)
        assert len(rows) == 35
        assert online_times(tmp_path, view, [row["account_id"] for row in rows]) == [NOW] * 35


def test_the_stale_account_is_stale_and_the_partial_one_partial(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=0, random_seed=7, now=NOW, progress=ignore)
    names = ["acct-stale", "acct-partial"]
    assert online_times(tmp_path, ACCOUNT_PROFILE, names) == [NOW, NOW]
    (stale, none) = online_times(tmp_path, ACCOUNT_ENFORCEMENT, names)
    assert stale is not None
    assert NOW - stale > ACCOUNT_ENFORCEMENT.ttl
    assert none is None
    with opened(tmp_path) as log:
        assert not set(log.accounts()) & set(names)


def test_seeding_again_repeats_nothing_and_later_refreshes_every_account(tmp_path: Path) -> None:
    lines: list[str] = []
    for now in (NOW, NOW, NOW + timedelta(days=3)):
        seed(tmp_path, OnlineChoice(), count=5, random_seed=7, now=now, progress=lines.append)
    new = [int(line.split()[0].replace(",", "")) for line in lines if "new to the log" in line]
    assert new[0] > 500
    assert new[1] == 0
    assert 0 < new[2] < new[0]
    names = ["acct-strikes", "acct-00005"]
    assert online_times(tmp_path, ACCOUNT_ENFORCEMENT, names) == [NOW + timedelta(days=3)] * 2


def test_seeded_accounts_are_due_again_only_when_something_changes(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=20, random_seed=7, now=NOW, progress=ignore)
    with opened(tmp_path) as log:
        assert not log.due(now=NOW, limit=100)
        assert len(log.due(now=NOW + timedelta(days=1), limit=100)) == 25


def test_rows_for_later_instants_stay_offline(state: Path) -> None:
    compute(state, now=NOW, at=[NOW - timedelta(hours=3), NOW], progress=ignore)
    materialize(state, until=NOW - timedelta(hours=1), progress=ignore)
    assert online_times(state, ACCOUNT_ACTIVITY, ["a", "b"]) == [NOW - timedelta(hours=3), None]
    materialize(state, until=NOW, progress=ignore)
    assert online_times(state, ACCOUNT_ACTIVITY, ["a", "b"]) == [NOW, NOW]


def test_an_older_row_never_replaces_a_newer_one(state: Path) -> None:
    for at in (NOW, NOW - timedelta(minutes=30)):
        compute(state, now=NOW, at=[at], progress=ignore)
        materialize(state, until=NOW, progress=ignore)
    assert online_times(state, ACCOUNT_ACTIVITY, ["a"]) == [NOW]


def test_an_erased_account_does_not_come_back(state: Path, tmp_path: Path) -> None:
    compute(state, now=NOW, progress=ignore)
    with opened(state) as log:
        log.erase("a", at=NOW + timedelta(minutes=1))
    materialize(state, until=NOW + timedelta(hours=1), progress=ignore)
    assert online_times(state, ACCOUNT_ACTIVITY, ["a", "b"]) == [None, NOW], "from rows of before the erasure"


def test_an_erased_account_does_not_come_back_from_an_old_export(state: Path) -> None:
    with opened(state) as log:
        exported = log.history(["a", "b"])
        pq.write_table(exported, state / "old.parquet")
        log.erase("a", at=NOW + timedelta(minutes=1))
        log.append([comment("a", NOW + timedelta(minutes=2))], recorded_at=NOW + timedelta(minutes=2))
    later = NOW + timedelta(hours=1)
    compute(state, now=later, sources=[state / "old.parquet"], progress=ignore)
    assert {row["account_id"] for row in rows_of(state, ACCOUNT_ACTIVITY)} == {"b"}
    compute(state, now=later, progress=ignore)
    counts = {row["account_id"]: row["posts_24h"] for row in rows_of(state, ACCOUNT_ACTIVITY)}
    assert counts == {"a": 1, "b": 1}, "what happens after the erasure is a history of its own"


def test_feast_joins_published_rows_as_of_each_moment(state: Path) -> None:
    """By Feast's own means: the newest row that was true by then and is no older than its ttl.

    Feast's file store leaves out those for whom there is none.
    """
    instants = [NOW - timedelta(hours=3), NOW - timedelta(minutes=90), NOW]
    compute(state, now=NOW, at=instants, progress=ignore)
    tick = timedelta(microseconds=1)
    none = [("a", instants[0] - tick), ("b", instants[2] - tick), ("b", instants[2] + ACCOUNT_ACTIVITY.ttl + tick)]
    some = {
        ("a", instants[0]): 1,
        ("a", instants[1] - tick): 1,
        ("a", instants[1]): 2,
        ("b", instants[2]): 1,
        ("b", instants[2] + timedelta(days=1)): 1,
    }
    entities = pd.DataFrame([*some, *none], columns=["account_id", "event_timestamp"])
    store = open_repository(state)
    joined = store.get_historical_features(entities, ["account_activity:posts_365d"]).to_df()
    close_repository(store)
    found = {(row.account_id, row.event_timestamp.to_pydatetime()): row.posts_365d for row in joined.itertuples()}
    assert found == some


def test_nothing_published_is_said(state: Path) -> None:
    with pytest.raises(NothingPublishedError, match="compute"):
        materialize(state, until=NOW, progress=ignore)


def test_feast_prints_nothing_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed(tmp_path, OnlineChoice(), count=1, random_seed=7, now=NOW, progress=ignore)
    assert capsys.readouterr().out == ""
