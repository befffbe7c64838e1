"""Account events for batch measurements: generated once, as an archive of events holds them.

Histories are those of `tidegate.features.generator` (seeded, skewed: one account in a hundred has a seventh of all
events). They lie in the order in which they were recorded, so every account is scattered over every file, and one in a
hundred events comes twice, as from a sender that was not sure.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from tidegate.features.events.log import EVENT_SCHEMA
from tidegate.features.generator import BLOCK, event_blocks

NOW = datetime(2026, 3, 1, tzinfo=UTC)
"""What the histories are as of."""
SEED = 20_260_301
REPEATED_EVERY = 100
_SURPLUS = 1.05
"""The generator's events per account come out a little lower than asked."""
_MEMORY = "3GB"
_PER_FILE = 1_000_000
"""Events, about."""
_SAID_EVERY = 20


@dataclass(frozen=True, slots=True)
class Archive:
    """What was generated."""

    accounts: int
    """Different ones."""
    events: int
    """Different ones."""
    lines: int
    """Repeats counted."""
    seed: int = SEED
    """Of the generator."""


def archive(folder: Path, *, accounts: int, events: int, say: Callable[[str], None]) -> Archive:
    """Makes the Parquet files in `folder/events`, unless an earlier call has.

    Args:
        folder: Kept between measurements.
        accounts: How many.
        events: At least so many in all.
        say: Is told of progress.
    """
    facts = folder / f"archive-{accounts}-{events}.json"
    if facts.exists():
        say(f"events of an earlier run: {facts}")
        return Archive(**json.loads(facts.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    draft = folder / "draft.parquet"
    made = _generated(draft, accounts=accounts, events=events, say=say)
    say(f"{made:,} events; putting them into the order of recording")
    lines = _in_order_of_recording(draft, folder / "events", folder / "temporary")
    draft.unlink()
    told = Archive(accounts, made, lines)
    facts.write_text(json.dumps(asdict(told)) + "\n")
    return told


def _generated(draft: Path, *, accounts: int, events: int, say: Callable[[str], None]) -> int:
    made, blocks = 0, event_blocks(accounts, seed=SEED, now=NOW, events_per_account=_SURPLUS * events / accounts)
    with pq.ParquetWriter(draft, EVENT_SCHEMA, compression="snappy") as writer:
        for number, block in enumerate(blocks, start=1):
            writer.write_table(block)
            made += block.num_rows
            if number % _SAID_EVERY == 0:
                say(f"generated {made:,} events of {number * BLOCK:,} of {accounts:,} accounts")
    return made


def _in_order_of_recording(draft: Path, events: Path, temporary: Path) -> int:
    """Writes a file per stretch of time, each sorted by itself: memory stays flat."""
    events.mkdir()
    recorded = pq.read_table(draft, columns=["recorded_at_us"])["recorded_at_us"].to_numpy()
    edges = np.quantile(recorded, np.linspace(0, 1, 1 + -(-recorded.size // _PER_FILE)), method="nearest")
    edges[-1] += 1
    for number, (start, stop) in enumerate(pairwise(edges.tolist())):
        with duckdb.connect(
            config={"memory_limit": _MEMORY, "threads": "2", "temp_directory": str(temporary)}
        ) as opened:
            opened.execute(
                "COPY (WITH stretch AS (SELECT * FROM read_parquet($draft) WHERE recorded_at_us >= $start"  # noqa: S608 - our own path
                " AND recorded_at_us < $stop) SELECT * FROM stretch UNION ALL SELECT * FROM stretch"
                " WHERE hash(event_id) % $every = 0 ORDER BY recorded_at_us)"
                f" TO '{events}/events-{number:02d}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 250000)",
                {"draft": str(draft), "every": REPEATED_EVERY, "start": start, "stop": stop},
            )
    shutil.rmtree(temporary, ignore_errors=True)
    return sum(pq.read_metadata(path).num_rows for path in events.glob("*.parquet"))
