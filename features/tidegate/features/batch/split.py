"""Events split into partitions by account, and a partition read back: DuckDB's part of a batch run.

DuckDB streams: memory stays flat however many events there are; what exceeds its limit goes to its temporary folder.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from tidegate.features.batch.inputs import BatchInputs
from tidegate.features.batch.run_directory import RunDirectory
from tidegate.features.events.log import EVENT_SCHEMA

SPLIT_MEMORY = "1500MB"
"""DuckDB's limit while it splits."""
READ_MEMORY = "1GB"
"""DuckDB's limit in each worker that reads a partition."""
_COLUMNS = ", ".join(f'e."{name}"' for name in EVENT_SCHEMA.names)
_REQUIRED = tuple(column.name for column in EVENT_SCHEMA if not column.nullable)


class PartitionError(ValueError):
    """Events of a partition can't be computed from."""


def split(inputs: BatchInputs, run: RunDirectory, *, partitions: int, threads: int) -> None:
    """Writes `run.split`, unless a former attempt has finished it."""
    if run.split.exists():
        return
    draft = run.path / "split.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with _duckdb(run.path / "temporary", memory=SPLIT_MEMORY, threads=threads) as connection:
        _note_erased(connection, inputs.erased)
        connection.execute(
            f"COPY (SELECT {_COLUMNS}, hash(e.account_id) % {partitions} AS part FROM read_parquet($files) e "  # noqa: S608 - names of our schema and a number
            "ANTI JOIN erased ON erased.account_id = e.account_id AND e.occurred_at_us <= erased.at_us) "
            f"TO '{_quoted(draft)}' (FORMAT parquet, PARTITION_BY (part), COMPRESSION snappy, OVERWRITE true)",
            {"files": [str(path) for path in inputs.files]},
        )
    draft.replace(run.split)


def partition_events(run: RunDirectory, number: int) -> pa.Table:
    """Events of a partition in `EVENT_SCHEMA`, by account, time and id; of an id the one that was recorded first.

    Raises:
        PartitionError: A value is null where none may be.
    """
    folder = run.split / f"part={number}"
    if not folder.exists():
        return EVENT_SCHEMA.empty_table()
    source = f"read_parquet('{_quoted(folder)}/*.parquet', hive_partitioning = false) e"
    with _duckdb(run.path / f"temporary-{number}", memory=READ_MEMORY, threads=1) as connection:
        ((repeats,),) = connection.execute(
            f"SELECT count(*) - count(DISTINCT (account_id, event_id)) FROM {source}"  # noqa: S608 - our own path
        ).fetchall()
        once = ""
        if repeats:
            once = (
                "QUALIFY row_number() OVER (PARTITION BY account_id, event_id "
                "ORDER BY recorded_at_us, occurred_at_us, kind, subject_id, counterpart_id, content_digest, action) = 1"
            )
        events = connection.sql(
            f"SELECT {_COLUMNS} FROM {source} {once} ORDER BY account_id, occurred_at_us, event_id"  # noqa: S608 - same
        ).to_arrow_table()
    for name in _REQUIRED:
        if events[name].null_count:
            raise PartitionError(f"{name}: {events[name].null_count} events have none; it must not be null")
    return events.cast(EVENT_SCHEMA)


def accounts(files: Sequence[Path], *, temporary: Path, at_once: int) -> Iterator[list[str]]:
    """Accounts that the files name, each once, so many at a time."""
    with _duckdb(temporary, memory=SPLIT_MEMORY, threads=2) as connection:
        found = connection.execute(
            "SELECT DISTINCT account_id FROM read_parquet($files)", {"files": [str(path) for path in files]}
        )
        while page := found.fetchmany(at_once):
            yield [name for (name,) in page]


@contextlib.contextmanager
def _duckdb(temporary: Path, *, memory: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    config = {"memory_limit": memory, "threads": str(threads), "temp_directory": str(temporary)}
    with duckdb.connect(":memory:", config={**config, "preserve_insertion_order": "false"}) as connection:
        yield connection
    shutil.rmtree(temporary, ignore_errors=True)


def _note_erased(connection: duckdb.DuckDBPyConnection, erased: Mapping[str, int]) -> None:
    rows = pa.table(
        {"account_id": pa.array(erased.keys(), pa.string()), "at_us": pa.array(erased.values(), pa.int64())}
    )
    connection.register("erased_rows", rows)
    connection.execute("CREATE TABLE erased AS SELECT * FROM erased_rows")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
