"""From what the benchmarks left in `build/bench` to the figures of `costs.yaml`. Pure: the command reads the files.

Figures that no JSON holds (image and speech detectors, from their cards) stay as they were.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tidegate.capacity.costs import TEXT_DETECTORS, Calls, Costs, Figure, Hop, Topology
from tidegate.capacity.costs import stage_key as stage
from tidegate.capacity.costs import text_key as text_stage
from tidegate.capacity.costs import triton_key as triton

COMMANDS: Final = {
    "compare_samples.json": "TIDEGATE_NEARBY_CALLS=false make compare",
    "features.json": "make bench-features",
    "hash_search.json": "make bench-models",
    "ledger.json": "make bench-ledger",
    "sizes.json": "python -m loadtests.sizes",
}
"""The files that are read, and what makes them."""

_IN_FLIGHT: Final = {Calls.UNARY: 32, Calls.STREAM: 128}
"""The measured load: callers, or items on four streams. Beyond it latency grows and throughput hardly does."""
_ROLES: Final = {
    Hop.HAPROXY: "HAProxy",
    Hop.ROUTER: "ModerationRouter",
    Hop.FEATURES: "FeatureLookup",
    Hop.SIGNALS: "AccountSignals",
}
_ROWS: Final = {
    "redis.bytes_per_account": ("features.json", "Redis memory per account, all views (listpack)"),
    "event_log.events_per_s": ("features.json", "events checked and durable, one process, batches of 500"),
    "image.hash_ms": ("hash_search.json", "hash a picture of 512 x 384, CPU"),
    "image.search_ms_per_million": ("hash_search.json", "search 1,000,000 hashes, 31 bits, CPU"),
    "redis.lookup_us": ("sizes.json", "Redis, one account looked up: its own time"),
    "network.redis_in_bytes": ("sizes.json", "Redis, one account looked up: received"),
    "network.redis_out_bytes": ("sizes.json", "Redis, one account looked up: sent"),
    "ledger.appends_per_s": ("ledger.json", "durable appends, 32 callers"),
    "ledger.bytes_per_decision": ("sizes.json", "PostgreSQL ledger, a decision"),
    "event_log.bytes_per_event": ("sizes.json", "SQLite event log, an event"),
    "network.request_bytes": ("sizes.json", "request of a text item"),
    "network.text_bytes": ("sizes.json", "the text in it"),
    "network.reply_bytes": ("sizes.json", "reply"),
    "network.lookup_bytes": ("sizes.json", "router to FeatureLookup, pickled, one account"),
    "network.signals_bytes": ("sizes.json", "FeatureLookup to router, pickled, one account"),
    **{
        f"network.tensors.{name}_bytes": ("sizes.json", f"tensors to Triton: {name}")
        for name in (*TEXT_DETECTORS, "image_unsafe")
    },
}
"""Figures that are a row of a result: file and measure, or how the measure begins where it ends in a count."""


class BenchError(ValueError):
    """A result is not what its benchmark writes. The message names file and row."""


@dataclass(frozen=True, slots=True)
class Result:
    """One file of `build/bench`."""

    document: Any
    """As parsed."""
    day: date
    """When it was made."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """New costs, and what became of them."""

    costs: Costs
    """Complete: what could not be refreshed is as it was."""
    renewed: Sequence[str]
    """Names of the figures that come from this machine's results now."""
    kept: Sequence[str]
    """Names of those that are as before."""


def refreshed(before: Costs, results: Mapping[str, Result], *, machine: str) -> Refreshed:
    """Takes every figure that these results hold.

    Args:
        before: Where the others come from.
        results: By file name, as many of `COMMANDS` as there are.
        machine: What the results were measured on, in words.

    Raises:
        BenchError: A file lacks what is read from it.
    """
    new: dict[str, Figure] = {}
    for name, (file, measure) in _ROWS.items():
        if file in results:
            new[name] = _of_row(file, results[file], measure)
    if "compare_samples.json" in results:
        new |= _of_compare(results["compare_samples.json"])
    kept = sorted(before.figures.keys() - new.keys())
    told = machine if not kept else f"{machine}; {len(kept)} figures are from elsewhere, as each of them says"
    return Refreshed(Costs(told, before.figures | new), sorted(new), kept)


def _of_row(file: str, result: Result, measure: str) -> Figure:
    for row in result.document:
        named = str(row["measure"])
        if (named == measure or named.startswith(f"{measure} (n = ")) and row["value"] is not None:
            unit = str(row["unit"])
            return Figure(
                value=row["value"],
                unit=unit,
                what=named,
                command=COMMANDS[file],
                source=f"build/bench/{file}",
                measured_on=result.day,
            )
    raise BenchError(f"{file}: has no row {measure!r}; `{COMMANDS[file]}` writes it")


def _of_compare(result: Result) -> dict[str, Figure]:
    if result.document.get("nearby_calls", True):  # a fleet's routers and stages are not near each other
        command = COMMANDS["compare_samples.json"]
        raise BenchError(f"compare_samples.json: routers asked stages of the same machine directly; run `{command}`")
    cells = result.document["cells"]
    new = {}
    for topology in Topology:
        for calls in Calls:
            harm, spam = (_chosen(cells, topology, calls, detector) for detector in TEXT_DETECTORS)
            hops = Hop if topology is Topology.DISTRIBUTED else (Hop.HAPROXY, Hop.ROUTER)
            roles = {stage(topology, calls, hop): (_ROLES[hop], harm) for hop in hops}
            for detector, run in zip(TEXT_DETECTORS, (harm, spam), strict=True):
                roles[triton(topology, calls, detector)] = ("Triton", run)
                if topology is Topology.DISTRIBUTED:
                    roles[text_stage(topology, calls, detector)] = ("TextDetectors", run)
            for name, (role, run) in roles.items():
                new[name] = _figure(result, run, role, _cpu_of(role), unit="ms of CPU per item")
    run = _chosen(cells, Topology.DISTRIBUTED, Calls.UNARY, TEXT_DETECTORS[0])
    new["node.ray_cores"] = _figure(result, run, "Ray's raylet and agents", _ray_cores, unit="cores per node")
    return new


def _chosen(cells: Iterable[Mapping[str, Any]], topology: str, calls: Calls, detector: str) -> list[Mapping[str, Any]]:
    wanted = (topology, detector, calls.value, _IN_FLIGHT[calls], "")
    keys = ("contender", "detector", "kind", "in_flight", "note")
    found = [cell for cell in cells if tuple(cell[key] for key in keys) == wanted]
    if not found:
        raise BenchError(f"compare_samples.json: has no cell {wanted}; `{COMMANDS['compare_samples.json']}` writes it")
    return found


def _cpu_of(role: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda cell: float(cell["cpu_ms_per_item"].get(role, 0.0))


def _ray_cores(cell: Mapping[str, Any]) -> float:
    spent = cell["cpu_ms_per_item"]
    return float(spent.get("Ray's raylet", 0.0) + spent.get("Ray's agents", 0.0)) * float(cell["items_per_s"]) / 1e3


def _figure(
    result: Result,
    run: Sequence[Mapping[str, Any]],
    role: str,
    measured: Callable[[Mapping[str, Any]], float],
    *,
    unit: str,
) -> Figure:
    first = run[0]
    load = "callers" if first["kind"] == Calls.UNARY else "items on streams"
    return Figure(
        value=round(statistics.median(map(measured, run)), 4),
        unit=unit,
        what=f"{role}, {first['contender']}, {first['in_flight']} {load}, {first['detector']}; median of {len(run)}",
        command=COMMANDS["compare_samples.json"],
        source="build/bench/compare_samples.json",
        measured_on=result.day,
    )
