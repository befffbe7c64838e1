"""The writer on SQLite and on Redis: what it writes, the router and Feast read; of two rows the newer stays."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.stream.feast_takes import MICROSECOND, NOW
from tests.features.stream.online_stores import Store, emptied, rows
from tidegate.features import feast_writer
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import View
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_RISK, ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, open_repository


@pytest.mark.parametrize("view", ACCOUNT_SIGNALS_V2.views, ids=lambda view: view.name)
def test_a_written_row_is_what_the_router_reads(store: Store, view: View) -> None:
    store.writer.write(view, rows(view, NOW, "a", "b"))
    written = rows(view, NOW, "b").to_pylist()[0]
    assert store.values(view, "b") == {feature.name: written[feature.name] for feature in view.features}
    assert store.values(view, "c") is None


def test_feast_itself_reads_what_was_written(store: Store) -> None:
    """The exact time beside the values of a SQLite row must not disturb Feast's own way to read."""
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=7))
    repository = open_repository(store.state)
    found = repository.get_online_features(
        features=["account_enforcement:strikes_90d"], entity_rows=[{"account_id": "a"}]
    )
    close_repository(repository)
    assert found.to_dict() == {"account_id": ["a"], "strikes_90d": [7]}


def test_a_value_that_became_null_does_not_stay(store: Store) -> None:
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a"))
    store.writer.write(ACCOUNT_ENFORCEMENT, emptied(ACCOUNT_ENFORCEMENT, NOW + MICROSECOND, "a"))
    assert store.values(ACCOUNT_ENFORCEMENT, "a") == dict.fromkeys(
        (feature.name for feature in ACCOUNT_ENFORCEMENT.features), None
    )


@pytest.mark.parametrize("earlier", [MICROSECOND, timedelta(seconds=1), timedelta(days=3)])
def test_an_older_row_changes_nothing(store: Store, earlier: timedelta) -> None:
    """Also one of the same second, which Feast's SQLite store could not tell."""
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=2))
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW - earlier, "a", "b", strikes_90d=1))
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 2
    assert (store.values(ACCOUNT_ENFORCEMENT, "b") or {})["strikes_90d"] == 1


def test_a_newer_row_of_the_same_second_replaces(store: Store) -> None:
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=1))
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW + MICROSECOND, "a", strikes_90d=2))
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 2


def test_views_of_an_account_are_replaced_one_by_one(store: Store) -> None:
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a", followers=5))
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW - timedelta(days=1), "a", strikes_90d=1))
    assert (store.values(ACCOUNT_PROFILE, "a") or {})["followers"] == 5
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 1


def test_rows_of_all_views_are_written_together_and_the_newest_of_each_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views may have rows of other accounts, in another order, older and newer than what is stored."""
    monkeypatch.setattr(feast_writer, "CHUNK", 2)
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=1))
    earlier, later = NOW - MICROSECOND, NOW + MICROSECOND
    store.writer.write_views(
        {
            ACCOUNT_PROFILE: rows(ACCOUNT_PROFILE, earlier, "a", "b", "c", followers=5),
            ACCOUNT_ENFORCEMENT: rows(ACCOUNT_ENFORCEMENT, earlier, "b", "a", strikes_90d=2),
            ACCOUNT_RISK: emptied(ACCOUNT_RISK, NOW),
        }
    )
    told = {name: store.values(ACCOUNT_ENFORCEMENT, name) for name in "abc"}
    assert [row and row["strikes_90d"] for row in told.values()] == [1, 2, None]
    assert [(store.values(ACCOUNT_PROFILE, name) or {})["followers"] for name in "abc"] == [5, 5, 5]
    assert store.values(ACCOUNT_RISK, "a") is None
    store.writer.write_views({ACCOUNT_ENFORCEMENT: rows(ACCOUNT_ENFORCEMENT, later, "a", strikes_90d=3)})
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 3


def test_deleting_leaves_nothing_of_an_account_and_everything_of_others(store: Store) -> None:
    for view in ACCOUNT_SIGNALS_V2.views:
        store.writer.write(view, rows(view, NOW, "gone", "kept"))
    assert store.writer.delete(["gone", "never-there"]) == 1
    assert all(store.values(view, "gone") is None for view in ACCOUNT_SIGNALS_V2.views)
    assert all(store.values(view, "kept") is not None for view in ACCOUNT_SIGNALS_V2.views)
    assert store.writer.delete(["gone"]) == 0


def test_many_rows_are_written_in_chunks_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feast_writer, "CHUNK", 10)
    counted: list[int] = []
    accounts = [f"a{number}" for number in range(25)]
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, *accounts), progress=counted.append)
    assert counted == [10, 20, 25]
    assert all(store.values(ACCOUNT_PROFILE, account) for account in accounts)


def test_of_two_writers_at_once_the_newer_row_stays(store: Store) -> None:
    """A batch run and the stream write the same accounts at the same time."""
    accounts = [f"a{number}" for number in range(40)]
    other = FeastOnlineWriter(store.state)

    def write(writer: FeastOnlineWriter, first: int) -> None:
        for turn in range(first, 12, 2):
            at = NOW + timedelta(milliseconds=turn if first else 12 - turn)
            writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, at, *accounts, strikes_90d=at.microsecond))

    threads = [
        threading.Thread(target=write, args=(writer, first)) for first, writer in enumerate([store.writer, other])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    newest = (NOW + timedelta(milliseconds=12)).microsecond
    assert {(store.values(ACCOUNT_ENFORCEMENT, account) or {})["strikes_90d"] for account in accounts} == {newest}


def test_a_repository_that_was_never_applied_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(OnlineStoreUnavailableError):
        FeastOnlineWriter(tmp_path).write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
