"""`python -m loadtests.compare [--quick]`: Tidegate beside what a team would write instead, in one run.

Writes `compare.json` (rows), `compare_samples.json`, `compare_latencies.parquet` and `compare.png` to `--out`; exits
with 1 if a target is missed, with 2 if the comparison could not be made.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import psutil

from loadtests.compare.comparison import Comparison
from loadtests.compare.contender import ContenderFailedError
from loadtests.compare.generator import GeneratorFailedError
from loadtests.compare.plot import draw
from loadtests.compare.results import PLOT, keep
from loadtests.compare.schedule import FULL, QUICK
from loadtests.compare.tables import show
from loadtests.compare.verdicts import MOST_OTHERS, rows

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.compare", description="Compares Tidegate with what a team would write instead."
    )
    parser.add_argument("--quick", action="store_true", help="a look whether everything runs; its figures mean little")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for results")
    chosen = parser.parse_args()
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {line}\n")

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that everything is stopped in order
    pace = QUICK if chosen.quick else FULL
    free_gib = psutil.virtual_memory().available / 2**30
    if free_gib < pace.memory_gib:
        say(f"error: needs {pace.memory_gib} GiB of free memory, there are {free_gib:.1f}: stop other programs")
        return 2
    try:
        found = Comparison(CHECKOUT, chosen.out.resolve() / "compare", pace=pace, say=say).run()
    except (ContenderFailedError, GeneratorFailedError) as error:
        say(f"error: {error}")
        return 2
    result = rows(found)
    keep(chosen.out, found, result, pace="quick" if chosen.quick else "full")
    draw(found, chosen.out / PLOT)
    show(found, result)
    busiest = max(sample.others_cores for sample in found.samples)
    if busiest > MOST_OTHERS:
        say(f"other programs took up to {busiest} cores: stop them and run again, these figures say little")
    say(f"written to {chosen.out}: compare.json, samples, latencies, {PLOT}")
    return int(any(row.holds is False for row in result))


if __name__ == "__main__":
    sys.exit(main())
