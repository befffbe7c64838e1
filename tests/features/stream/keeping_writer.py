"""An online store in memory, for rounds whose rows need no Feast."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from tidegate.features.feature import View
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import ACCOUNT_ACTIVITY


class KeepingWriter:
    """An online store in memory that notes the order of accounts, and can be away."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, object]] = {}
        self.rounds: list[list[str]] = []
        self.deleted: list[str] = []
        self.away = False

    def write(self, view: View, rows: pa.Table, *, progress: object = None) -> None:
        del progress
        if self.away:
            raise OnlineStoreUnavailableError
        if view == ACCOUNT_ACTIVITY:
            self.rounds.append(rows["account_id"].to_pylist())
        for row in rows.to_pylist():
            self.rows[view.name, row["account_id"]] = row

    def write_views(self, rows: Mapping[View, pa.Table]) -> None:
        for view, table in rows.items():
            self.write(view, table)

    def delete(self, account_ids: Sequence[str]) -> int:
        self.deleted += account_ids
        return len(account_ids)

    def close(self) -> None:
        pass

    def posts(self, account_id: str) -> object:
        return self.rows[ACCOUNT_ACTIVITY.name, account_id]["posts_365d"]
