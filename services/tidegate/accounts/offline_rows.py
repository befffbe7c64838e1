"""Rows on an account in Parquet files under the offline folder, and their removal: rewritten files, renamed into place.

A batch run keeps two locks (`features.batch.compute`) while it exports, splits, computes and publishes; so does an
erasure.
"""

import contextlib
import fcntl
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidegate.accounts.held import AccountStoreUnavailableError, Store
from tidegate.features.batch.compute import ASKING, COMPUTING
from tidegate.features.batch.run_directory import RUNS, rename_synced, write_whole
from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.refs import JOIN_KEY

_PUBLISHED = "published.json"
_COUNTERPART = "counterpart_id"
_SCRATCH = ("export", ".export.draft", ".temporary")
_SCRATCH_OF_RUN = ("split*", "temporary*", "*/.*.draft")
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class OfflineRow:
    """One row of a published file."""

    file: str
    """Relative to the offline folder."""
    values: dict[str, Any]
    """By column, the account's id and the row's event time among them."""


class OfflineRows:
    """One deployment's offline folder, which need not be there."""

    def __init__(self, offline: Path, *, wait_s: float = 30.0) -> None:
        """Remembers where it lies, and how long `alone` waits for a batch run."""
        self._offline = offline
        self._wait_s = wait_s

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps batch runs out for the block. Raises AccountStoreUnavailableError if one is under way for too long."""
        if not self._offline.is_dir():
            yield
            return
        deadline = time.monotonic() + self._wait_s
        with (self._offline / ASKING).open("w") as asking, (self._offline / COMPUTING).open("w") as computing:
            for lock in (asking, computing):
                while not _taken(lock.fileno()):
                    if time.monotonic() >= deadline:
                        raise AccountStoreUnavailableError(Store.OFFLINE, "a batch run is at work; try again after it")
                    time.sleep(_POLL_S)
            yield

    def rows(self, account_id: str) -> Iterator[OfflineRow]:
        """The account's rows in files of views. Raises AccountStoreUnavailableError."""
        for file in self._files():
            if EVENT_TIMESTAMP in _columns(file):
                found = _read(file, filters=pc.field(JOIN_KEY) == account_id)
                for values in found.to_pylist():
                    yield OfflineRow(str(file.relative_to(self._offline)), values)

    def count(self, account_id: str) -> int:
        """Rows, and events in files that batch runs work on.

        Raises:
            AccountStoreUnavailableError: A file can't be read.
        """
        return sum(_held(file, account_id) for file in self._files())

    def remove(self, account_id: str) -> None:
        """Removes what `count` counts; call it within `alone`.

        An unfinished run goes as a whole: with other events it would not be gone on with anyway.

        Raises:
            AccountStoreUnavailableError: Some may be left; removing again is safe.
        """
        try:
            for scratch in self._scratch():
                if _may_hold(scratch, account_id):
                    _drop(scratch)
            for file in self._files():
                if _held(file, account_id):
                    _rewrite(file, account_id)
            for facts in (self._offline / RUNS).glob(f"*/{_PUBLISHED}"):
                _recount(facts.parent)
        except OSError as error:
            raise AccountStoreUnavailableError(Store.OFFLINE, f"a file can't be changed: {error}") from error

    def _files(self) -> list[Path]:
        """Parquet files that hold accounts. One without its end, left by a killed run, is only `_scratch`'s."""
        scratch = set(self._scratch())
        files = []
        for file in sorted(self._offline.rglob("*.parquet")):
            columns = _columns(file)
            if not columns and not scratch.intersection([file, *file.parents]):
                where = file.relative_to(self._offline)
                raise AccountStoreUnavailableError(Store.OFFLINE, f"{where} is no readable Parquet file; remove it")
            if JOIN_KEY in columns:
                files.append(file)
        return files

    def _scratch(self) -> Iterator[Path]:
        """What batch runs work on and nobody reads."""
        yield from (self._offline / name for name in _SCRATCH)
        for run in (self._offline / RUNS).glob("*"):
            if not (run / _PUBLISHED).exists():
                yield run
                continue
            yield from (path for pattern in _SCRATCH_OF_RUN for path in run.glob(pattern))


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _columns(file: Path) -> set[str]:
    try:
        return set(pq.read_schema(file).names)
    except (OSError, pa.ArrowInvalid):
        return set()


def _read(file: Path, **options: Any) -> pa.Table:
    try:
        with file.open("rb") as source:  # by name, pyarrow would take a column out of a folder called `part=3`
            return pq.read_table(source, **options)
    except (OSError, pa.ArrowInvalid) as error:
        raise AccountStoreUnavailableError(Store.OFFLINE, f"a Parquet file can't be read: {error}") from error


def _held(file: Path, account_id: str) -> int:
    wanted = pc.field(JOIN_KEY) == account_id
    if _COUNTERPART in _columns(file):
        wanted = wanted | (pc.field(_COUNTERPART) == account_id)
    held: int = _read(file, columns=[JOIN_KEY], filters=wanted).num_rows
    return held


def _rewrite(file: Path, account_id: str) -> None:
    """Leaves out every row that names the account. Readers of the former file keep it until they close it."""
    rows = _read(file)
    for column in (JOIN_KEY, _COUNTERPART):
        if column in rows.column_names:
            rows = rows.filter(pc.fill_null(pc.not_equal(rows[column], account_id), True))  # noqa: FBT003 - an element
    draft = file.with_name(f".{file.name}.draft")
    pq.write_table(rows, draft, compression="zstd")
    rename_synced(draft, file)


def _may_hold(scratch: Path, account_id: str) -> bool:
    if not scratch.exists():
        return False
    files = [path for path in ([scratch] if scratch.is_file() else scratch.rglob("*")) if path.is_file()]
    # What is no whole Parquet file (a draft, DuckDB's temporary files) may hold anything.
    named = [path for path in files if path.suffix != ".json"]
    return any(not (columns := _columns(path)) or (JOIN_KEY in columns and _held(path, account_id)) for path in named)


def _drop(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _recount(run: Path) -> None:
    """Sets a published run's count of rows to what its files hold."""
    facts = orjson.loads((run / _PUBLISHED).read_bytes())
    views = {view: (run / view).glob("part-*.parquet") for view in facts["rows"]}
    held = {view: sum(pq.read_metadata(part).num_rows for part in parts) for view, parts in views.items()}
    if held != facts["rows"]:
        write_whole(run / _PUBLISHED, {**facts, "rows": held})
