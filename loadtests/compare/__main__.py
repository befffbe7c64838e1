"""`python -m loadtests.compare`: Tidegate beside what a team would write instead, in one run."""

import os
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

from loadtests.compare import contenders as who
from loadtests.compare.contender import Contender
from loadtests.compare.corpus import CHEAP
from loadtests.compare.load_plan import Kind, LoadPlan
from loadtests.compare.measuring import Cell, measured
from loadtests.compare.shared_parts import SharedParts

from tidegate.serving.settings import Topology

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Measures and prints."""
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {line}\n")

    work = CHECKOUT / "build" / "bench" / "compare"
    with SharedParts(CHECKOUT, work, accounts=300, say=say) as shared:
        scene = who.Scene(CHECKOUT, work, shared.addresses)
        ledger = work / who.HANDWRITTEN / "decisions.db"
        launches = [
            who.handwritten(scene, who.HANDWRITTEN, "--ledger", str(ledger)),
            who.tidegate(scene, who.DISTRIBUTED, Topology.DISTRIBUTED, changes={}),
        ]
        running: list[Contender] = []
        try:
            for launch in launches:
                say(f"starting {launch.name}")
                running.append(Contender(launch, parent=os.getpid()))
                running[-1].wait_ready()
                running[-1].freeze()
            rates: dict[str, list[float]] = defaultdict(list)
            for repeat in range(1, 4):
                for contender in running:
                    contender.thaw()
                    plan = LoadPlan(contender.address, Kind.UNARY, CHEAP, 32, 1, 1.0, 3.0, 8000, repeat * 100, 300)
                    cell = Cell(contender.name, "text_spam", repeat, plan)
                    pids = contender.processes() + shared.processes()
                    done = measured(cell, checkout=CHECKOUT, processes=pids).sample
                    contender.freeze()
                    say(str(done))
                    rates[done.contender].append(done.items_per_s)
            for name, values in rates.items():
                sys.stdout.write(f"{name}: {statistics.median(values)} items/s of {values}\n")
        finally:
            for contender in reversed(running):
                contender.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
