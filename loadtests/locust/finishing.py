"""What is done with a finished run: results are written, shown, and judged if there are thresholds."""

import sys

from loadtests.locust.failures import failures_of
from loadtests.locust.gate import BREACHED, HOLDS, UNUSABLE, Verdict, judge
from loadtests.locust.generator import warnings_of
from loadtests.locust.harvest import Harvest
from loadtests.locust.level_table import table_of
from loadtests.locust.levels import levels_of
from loadtests.locust.options import LoadOptions
from loadtests.locust.report import REPORT, page_of
from loadtests.locust.run_record import RunRecord, now, this_machine, write_samples
from loadtests.locust.thresholds import ThresholdsError, read_thresholds


def finish(options: LoadOptions, harvest: Harvest, *, loop: str, parts: int) -> int:
    """Writes `run.json`, `samples.csv.gz` and `report.html`.

    Returns:
        The exit status: 0, or 1 if a threshold is breached or a process did not run its part, or 2 if the thresholds
        can't be read.
    """
    levels = levels_of(options.plan, harvest.samples, harvest.cpu, budget_ms=options.budget_ms)
    record = RunRecord(
        made=now(),
        loop=loop,
        plan=options.plan,
        mix=options.mix.name,
        seed=options.seed,
        budget_ms=options.budget_ms,
        deadline_ms=options.deadline_ms,
        stream_share=options.stream_share,
        processes=parts,
        finished=0 < parts == len(harvest.done),
        levels=levels,
        warnings=failures_of(levels) + warnings_of(levels),
        machine=this_machine(),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    record.write(options.out)
    write_samples(harvest.samples, options.out)
    sys.stdout.write(table_of(record))
    status = HOLDS if record.finished else BREACHED
    verdicts: tuple[Verdict, ...] = ()
    if options.thresholds is not None:
        try:
            verdicts = judge(read_thresholds(options.thresholds), levels)
        except ThresholdsError as error:
            sys.stderr.write(f"{error}\n")
            return UNUSABLE
        sys.stdout.write("".join(verdict.said() + "\n" for verdict in verdicts))
    (options.out / REPORT).write_text(page_of([record], verdicts, samples={0: harvest.samples}))
    return status if all(verdict.holds for verdict in verdicts) else BREACHED
