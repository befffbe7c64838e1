"""What is done with a finished run: results are written, judged if there are thresholds, and put into words."""

from dataclasses import dataclass

from loadtests.locust.failures import failures_of
from loadtests.locust.gate import BREACHED, HOLDS, judge
from loadtests.locust.generator import warnings_of
from loadtests.locust.harvest import Harvest
from loadtests.locust.level_table import table_of
from loadtests.locust.levels import levels_of
from loadtests.locust.options import LoadOptions
from loadtests.locust.report import REPORT, page_of
from loadtests.locust.run_record import RunRecord, now, this_machine, write_samples
from loadtests.locust.sample import STREAM
from loadtests.locust.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a run."""

    status: int
    """Exit status."""
    said: str
    """Its table and its verdicts."""


def finish(options: LoadOptions, harvest: Harvest, thresholds: Thresholds | None, *, loop: str, parts: int) -> Finished:
    """Writes `run.json`, `samples.csv.gz` and `report.html`.

    Returns:
        With the exit status: 0, or 1 if a threshold is breached or a process did not run its part. Without thresholds a
        request that failed is enough for Locust's `--exit-code-on-error`, by default 1; PARTIAL and sheds are none.
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
        window=options.window if loop == "closed" and any(each.protocol == STREAM for each in harvest.samples) else 0,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    verdicts = judge(thresholds, levels) if thresholds else ()
    record.write(options.out)
    write_samples(harvest.samples, options.out)
    (options.out / REPORT).write_text(page_of([record], verdicts, samples={0: harvest.samples}))
    said = table_of(record) + "".join(verdict.said() + "\n" for verdict in verdicts)
    if not record.finished or not all(verdict.holds for verdict in verdicts):
        return Finished(BREACHED, said)
    failed = thresholds is None and any(level.errors for level in levels)
    return Finished(options.exit_code_on_error if failed else HOLDS, said)
