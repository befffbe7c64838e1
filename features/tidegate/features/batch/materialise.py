"""Published rows into the online store: the newest row per account, newest wins, erased accounts never."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidegate.features.batch.run_directory import Published, published, write_whole
from tidegate.features.feature import View
from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.online_writer import OnlineWriter
from tidegate.features.refs import JOIN_KEY

_NOTE = ".materialising.json"
_ERASED_AT_ONCE = 10_000


class Erasures(Protocol):
    """What materialising needs of the event log."""

    def erased(self, account_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Those of the accounts that were erased, and when."""
        ...


class NothingErased:
    """Where no event log is kept."""

    def erased(self, account_ids: Sequence[str]) -> Mapping[str, datetime]:
        """Nobody."""
        del account_ids
        return {}


@dataclass(frozen=True, slots=True)
class Materialised:
    """What went online."""

    rows: Mapping[str, int]
    """Rows by view, those of partitions that an interrupted call had written left out."""
    erased: int
    """Accounts that were left out, or taken out again, since they are erased."""


def materialise(
    offline: Path,
    writer: OnlineWriter,
    views: Sequence[View],
    *,
    erasures: Erasures,
    store: str,
    until: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Materialised:
    """Writes published rows to the online store, by partition. Called again, it goes on after the last whole one.

    Args:
        offline: The folder of runs.
        writer: Writes only what is newer than what is stored.
        views: Which views.
        erasures: Asked before a partition is written, and again after: an erasure meanwhile takes its rows out again.
        store: Which store is written to: partitions are skipped only if they went into the same one.
        until: Rows for later instants are left out.
        progress: Receives partitions done and in all.

    Raises:
        NothingPublishedError: There are no rows.
        OnlineStoreUnavailableError: Call again to go on.
    """
    run = published(offline)
    note = _Note(offline / _NOTE, store=store, run=run, until=until)
    rows, erased = dict.fromkeys((view.name for view in views), 0), set[str]()
    for number in range(run.partitions):
        if number not in note.done:
            tables = {view: _newest(run, view, number, until) for view in views}
            gone = _erased(erasures, _accounts(tables.values()))
            kept = {view: _without(table, gone) for view, table in tables.items()}
            writer.write_views(kept)
            for view, table in kept.items():
                rows[view.name] += table.num_rows
            late = _erased(erasures, _accounts(tables.values())).keys() - gone.keys()
            writer.delete(sorted(late))
            erased |= late | gone.keys()
            note.add(number)
        if progress:
            progress(number + 1, run.partitions)
    note.remove()
    return Materialised(rows, len(erased))


class _Note:
    """Which partitions of which run have gone into which store, while not all have."""

    def __init__(self, path: Path, *, store: str, run: Published, until: datetime | None) -> None:
        self._path = path
        instants = [at_us for at_us in run.at_us if until is None or at_us <= until.timestamp() * 1e6]
        self._about = {"store": store, "run": run.name, "instants": len(instants)}
        self.done: list[int] = []
        if path.exists():
            held = orjson.loads(path.read_bytes())
            if {name: held.get(name) for name in self._about} == self._about:
                self.done = held["done"]

    def add(self, number: int) -> None:
        self.done.append(number)
        write_whole(self._path, {**self._about, "done": self.done})

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def _newest(run: Published, view: View, number: int, until: datetime | None) -> pa.Table:
    """The newest row per account of a partition; its rows lie by account and time."""
    rows = pq.read_table(run.run.rows(view, number))
    if until is not None:
        limit = pa.scalar(until.astimezone(UTC), pa.timestamp("us", tz="UTC"))
        rows = rows.filter(pc.less_equal(rows[EVENT_TIMESTAMP], limit))
    if len(run.at_us) == 1 or not rows.num_rows:
        return rows
    names = rows[JOIN_KEY].combine_chunks()
    last = np.append(pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False), True)
    return rows.filter(pa.array(last))


def _accounts(tables: Iterable[pa.Table]) -> list[str]:
    every = pa.chunked_array([chunk for table in tables for chunk in table[JOIN_KEY].chunks], pa.string())
    names: list[str] = pc.unique(every).to_pylist()
    return names


def _erased(erasures: Erasures, accounts: Sequence[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for start in range(0, len(accounts), _ERASED_AT_ONCE):
        found |= erasures.erased(accounts[start : start + _ERASED_AT_ONCE])
    return found


def _without(rows: pa.Table, gone: Mapping[str, datetime]) -> pa.Table:
    """Rows that tell nothing from before an erasure: those of later instants were computed without it."""
    if not gone:
        return rows
    place = pc.index_in(rows[JOIN_KEY], value_set=pa.array(gone, pa.string()))
    erased_at = pa.array(gone.values(), pa.timestamp("us", tz="UTC")).take(place)
    return rows.filter(pc.fill_null(pc.greater(rows[EVENT_TIMESTAMP], erased_at), True))  # noqa: FBT003 - an element
