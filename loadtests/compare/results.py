"""What a comparison leaves behind in `build/bench`: rows, samples, and every latency."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from loadtests.compare.findings import Findings
from tidegate.models.evaluation.bench_row import Row
from tidegate.serving.settings import load_settings

ROWS, SAMPLES, LATENCIES, PLOT = "compare.json", "compare_samples.json", "compare_latencies.parquet", "compare.png"


def keep(out: Path, found: Findings, rows: Sequence[Row], *, pace: str) -> None:
    """Writes all but the plot."""
    out.mkdir(parents=True, exist_ok=True)
    _write(out / ROWS, [asdict(row) for row in rows])
    _write(
        out / SAMPLES,
        {
            "pace": pace,
            "machine": _machine(),
            "nearby_calls": load_settings().nearby_calls,
            "cells": [asdict(sample) for sample in found.samples],
            "bare_triton": [asdict(sample) for sample in found.bare],
            "memory_mib": {name: asdict(memory) for name, memory in found.memory.items()},
            "agreement": {name: asdict(agreed) for name, agreed in found.agreement.items()},
            "policy": found.policy and asdict(found.policy),
        },
    )
    pq.write_table(_latencies(found), out / LATENCIES, compression="zstd")


def _latencies(found: Findings) -> pa.Table:
    """A line per answer that counted."""
    names = ("contender", "detector", "kind", "in_flight", "note", "repeat")
    parts = [
        pa.table({name: [getattr(cell.sample, name)] * len(cell.latencies_ms) for name in names}).append_column(
            "latency_ms", pa.array(cell.latencies_ms, pa.float32())
        )
        for cell in found.cells
        if cell.latencies_ms
    ]
    return pa.concat_tables(parts) if parts else pa.table({name: [] for name in (*names, "latency_ms")})


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _write(path: Path, document: object) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    draft.replace(path)
