"""`python -m tidegate.models.export.latency`: milliseconds a text, by length and precision, on one thread."""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

from tidegate.models.catalogue import catalogue
from tidegate.models.export.build import build
from tidegate.models.serving_profile import Precision

_LENGTHS = (16, 32, 64, 128)


def milliseconds(graph: Path, *, tokens: int, rows: int, runs: int) -> float:
    """Returns the median time of one run divided by its rows, in milliseconds."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(7).integers(1_000, 20_000, size=(rows, tokens), dtype=np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    session.run(["logits"], feed)
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        session.run(["logits"], feed)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000.0 / rows


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.export.latency", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("build/models"))
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    for spec in catalogue().values():
        if spec.encoder is None:
            continue
        for precision in Precision:
            graph = build(spec, precision, cache=options.cache, report=lambda _: None)
            for rows in (1, 16):
                cells = [milliseconds(graph, tokens=n, rows=rows, runs=max(5, options.runs // rows)) for n in _LENGTHS]
                shown = "  ".join(f"{n:>3} tokens {cell:6.2f} ms" for n, cell in zip(_LENGTHS, cells, strict=True))
                sys.stdout.write(f"{spec.name} {spec.version} {precision:<4} batch {rows:>2}  {shown} a text\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
