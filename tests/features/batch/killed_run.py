"""A batch run that SIGKILLs itself: `python -m tests.features.batch.killed_run EVENTS OFFLINE PROCESSES STEP`."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.features.batch.small_runs import asked, small_partitions
from tidegate.features.batch.compute import Step, compute


def main(file: str, offline: str, processes: str, at: str) -> None:
    """Computes, and is gone after the step `at`: the name of a step, or so many partitions."""

    def progress(step: Step) -> None:
        if step.name == at or (step.name == "computing" and str(step.done) == at):
            os.kill(os.getpid(), signal.SIGKILL)

    compute(asked(Path(file)), Path(offline), progress=progress, processes=int(processes))


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        small_partitions(patch)
        main(*sys.argv[1:])
