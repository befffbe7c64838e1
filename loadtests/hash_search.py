"""How long `image_match` takes: hashing a picture, searching a million hashes, taking up changes.

    python loadtests/hash_search.py [--hashes 1000000] [--repeats 101] [--out build/bench]

One thread: nothing measured here starts another. Each measure is taken as the thread's CPU time, which holds on a busy
machine too, and as wall time, which says as much only on a quiet one. Targets are for CPU time: "on one core".

Writes `hash_search.json` (rows of measure, value, unit, target, holds) and the raw samples beside it; exits with 1 if a
target is missed. Where `faiss` is installed, its exact binary index is measured on the same data.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tidegate.detectors.banks.columns import EntryColumns
from tidegate.detectors.banks.index import HashIndex
from tidegate.detectors.banks.pdq import pdq

TARGET_MS = 20.0
SEED = 20_260_101
_WARM_UPS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result."""

    measure: str
    """What was timed."""
    value: float
    """Median."""
    unit: str
    """Always ms."""
    target: float | None
    """What it must not exceed, if there is a target."""
    holds: bool | None
    """Whether it does; None without a target."""


@dataclass(frozen=True, slots=True)
class Sample:
    """All repeats of one measure, in the order in which they were taken."""

    measure: str
    """What was timed."""
    cpu_ms: tuple[float, ...]
    """CPU time of the thread."""
    wall_ms: tuple[float, ...]
    """What a clock on the wall says."""
    target_ms: float | None
    """See `Row.target`."""

    def rows(self) -> list[Row]:
        """The lines of the result."""
        cpu, wall = (round(statistics.median(times), 3) for times in (self.cpu_ms, self.wall_ms))
        holds = None if self.target_ms is None else cpu <= self.target_ms
        return [
            Row(f"{self.measure}, CPU", cpu, "ms", self.target_ms, holds),
            Row(f"{self.measure}, wall", wall, "ms", None, None),
        ]

    def __str__(self) -> str:
        cpu, wall = statistics.median(self.cpu_ms), statistics.median(self.wall_ms)
        return f"{self.measure:<52} CPU {cpu:7.2f} ms   wall {wall:7.2f} ms (from {min(self.wall_ms):.2f})"


def timed(measure: str, work: Callable[[int], object], *, repeats: int, target_ms: float | None = None) -> Sample:
    """Times `work(repeat)`, after a few rounds that don't count."""
    for repeat in range(_WARM_UPS):
        work(repeat)
    cpu_ms, wall_ms = [], []
    for repeat in range(repeats):
        started = time.thread_time(), time.perf_counter()
        work(repeat)
        cpu_ms.append((time.thread_time() - started[0]) * 1000.0)
        wall_ms.append((time.perf_counter() - started[1]) * 1000.0)
    sample = Sample(measure, tuple(cpu_ms), tuple(wall_ms), target_ms)
    sys.stdout.write(f"{sample}\n")
    sys.stdout.flush()
    return sample


def near(hash_: bytes, bits: int, generator: np.random.Generator) -> bytes:
    """The hash with so many bits turned."""
    turned = np.unpackbits(np.frombuffer(hash_, dtype=np.uint8))
    turned[generator.choice(256, bits, replace=False)] ^= 1
    return np.packbits(turned).tobytes()


def hashes(count: int, queries: Sequence[bytes], generator: np.random.Generator) -> list[bytes]:
    """Random hashes, and among them 20 at 0 to 60 bits from each query."""
    drawn = generator.bytes(32 * count)
    made = [drawn[at : at + 32] for at in range(0, len(drawn), 32)]
    for query in queries:
        for bits in range(0, 60, 3):
            made[int(generator.integers(count))] = near(query, bits, generator)
    return made


def brute_force(words: Any, query: bytes, within_bits: int) -> list[int]:
    """Positions by comparing with every hash, all bits."""
    apart = np.bitwise_count(words ^ np.frombuffer(query, dtype=np.uint64)[:, None]).sum(axis=0, dtype=np.int64)
    return [int(at) for at in np.flatnonzero(apart <= within_bits)]


def measured(count: int, repeats: int) -> list[Sample]:
    """Every measure."""
    generator = np.random.default_rng(SEED)
    queries = [generator.bytes(32) for _ in range(repeats)]
    sys.stderr.write(f"making {count:,} hashes\n")
    made = hashes(count, queries[:10], generator)
    index = HashIndex(EntryColumns.of((at + 1, 1, str(at), each) for at, each in enumerate(made)))
    for query in queries[:20]:
        found = index.search(query, within_bits=31).entries.tolist()
        assert found == brute_force(index.columns.words, query, 31), "the search is not exact"
    name = f"{count:,} hashes"
    return [
        *(search(index, queries, within_bits=bits, name=name) for bits in (31, 64)),
        timed(f"brute force, {name}", lambda at: brute_force(index.columns.words, queries[at], 31), repeats=repeats),
        *with_faiss(index, queries, name=name),
        *changes(index, queries[0], name=name),
        *(hashing(width, height, generator, repeats=repeats) for width, height in ((512, 384), (1600, 1200))),
    ]


def search(index: HashIndex, queries: Sequence[bytes], *, within_bits: int, name: str) -> Sample:
    """The search as `image_match` does it."""

    def work(at: int) -> object:
        return index.search(queries[at], within_bits=within_bits)

    return timed(f"search {name}, {within_bits} bits", work, repeats=len(queries), target_ms=TARGET_MS)


def changes(index: HashIndex, new: bytes, *, name: str) -> list[Sample]:
    """What every process does once for a change."""
    count = len(index.columns.numbers)
    one, none = EntryColumns.of([(count + 1, 1, "new", new)]), EntryColumns.of([])
    return [
        timed(f"one new entry beside {name}", lambda _: index.changed(added=one, removed=[], banks=[1]), repeats=11),
        timed(f"one removal among {name}", lambda at: index.changed(added=none, removed=[at], banks=[1]), repeats=11),
    ]


def hashing(width: int, height: int, generator: np.random.Generator, *, repeats: int) -> Sample:
    """PDQ of one picture, decoded already."""
    patches = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(patches).resize((width, height)))
    return timed(f"hash a picture of {width} x {height}", lambda _: pdq(pixels), repeats=repeats)


def with_faiss(index: HashIndex, queries: Sequence[bytes], *, name: str) -> list[Sample]:
    """The exact index of faiss, if it is installed."""
    try:
        faiss: Any = importlib.import_module("faiss")
    except ImportError:
        return []
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexBinaryFlat(256)
    flat.add(np.ascontiguousarray(index.columns.words.T).view(np.uint8))
    rows = [np.frombuffer(each, dtype=np.uint8)[None] for each in queries]
    beyond = 32  # its radius is exclusive
    return [
        timed(f"faiss IndexBinaryFlat, {name}", lambda at: flat.range_search(rows[at], beyond), repeats=len(queries))
    ]


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python loadtests/hash_search.py", description="How long image_match takes, on one thread."
    )
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=101)
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    chosen = parser.parse_args()
    samples = measured(chosen.hashes, chosen.repeats)
    rows = [row for sample in samples for row in sample.rows()]
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "hash_search.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    raw = {sample.measure: {"cpu_ms": sample.cpu_ms, "wall_ms": sample.wall_ms} for sample in samples}
    (chosen.out / "hash_search_samples.json").write_text(json.dumps(raw) + "\n")
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
