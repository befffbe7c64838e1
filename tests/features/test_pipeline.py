from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.history import history_path
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply, materialize, seed
from tidegate.features.refs import ACCOUNT_SIGNALS_V2, View
from tidegate.features.repository import open_repository

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ignore(_: str) -> None:
    pass


def online_times(state: Path, view: View, account_ids: list[str]) -> list[datetime | None]:
    store = open_repository(state)
    keys = [EntityKey(join_keys=["account_id"], entity_values=[Value(string_val=name)]) for name in account_ids]
    rows = store.provider.online_read(store.config, store.get_feature_view(view.name), keys)
    return [event_time for event_time, _ in rows]


def history(state: Path, view: View) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(state / history_path(view)).to_pylist()
    return rows


def test_each_row_goes_online_with_its_own_event_time(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=300, random_seed=7, now=NOW, progress=ignore)
    for view in ACCOUNT_SIGNALS_V2.views:
        rows = history(tmp_path, view)
        expected = [row["event_timestamp"] for row in rows]
        assert online_times(tmp_path, view, [row["account_id"] for row in rows]) == expected
        assert len(set(expected)) > 200


def test_a_row_at_the_very_end_of_the_window_goes_online(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=0, random_seed=7, now=NOW, progress=ignore)
    at_the_end = NOW - timedelta(hours=1)  # the named accounts' event time
    materialize(tmp_path, until=at_the_end, progress=ignore)
    assert online_times(tmp_path, ACCOUNT_SIGNALS_V2.views[0], ["acct-new"]) == [at_the_end]


def test_rows_of_the_future_stay_offline(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=0, random_seed=7, now=NOW, progress=ignore)
    (tmp_path / "online.db").unlink()
    apply(tmp_path, OnlineChoice(), progress=ignore)
    materialize(tmp_path, until=NOW - timedelta(days=1), progress=ignore)
    assert online_times(tmp_path, ACCOUNT_SIGNALS_V2.views[0], ["acct-new"]) == [None]


def test_seeding_again_later_refreshes_every_account(tmp_path: Path) -> None:
    seed(tmp_path, OnlineChoice(), count=20, random_seed=7, now=NOW, progress=ignore)
    later = NOW + timedelta(days=3)
    seed(tmp_path, OnlineChoice(), count=20, random_seed=7, now=later, progress=ignore)
    for view in ACCOUNT_SIGNALS_V2.views:
        rows = history(tmp_path, view)
        assert online_times(tmp_path, view, [row["account_id"] for row in rows]) == [
            row["event_timestamp"] for row in rows
        ]


def test_progress_names_every_view(tmp_path: Path) -> None:
    lines: list[str] = []
    seed(tmp_path, OnlineChoice(), count=1, random_seed=7, now=NOW, progress=lines.append)
    assert sum("account_profile: online" in line for line in lines) == 1
    assert sum("account_enforcement: online" in line for line in lines) == 1


def test_feast_prints_nothing_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed(tmp_path, OnlineChoice(), count=1, random_seed=7, now=NOW, progress=ignore)
    assert capsys.readouterr().out == ""
