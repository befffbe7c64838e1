"""A batch run from events to published rows: what it was killed in, it goes on with.

A run is named by the digest of its inputs. Partitions that a former process finished are kept if, and only if, they
were computed from the same events, instants, erasures and definitions; readers see nothing before all are finished.
"""

import fcntl
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.features.batch.inputs import BatchInputs
from tidegate.features.batch.partition import compute_partition, end_with_parent
from tidegate.features.batch.run_directory import (
    RUNS,
    Finished,
    NothingPublishedError,
    Published,
    RunDirectory,
    publish,
    published,
    remove_unpublished,
    write_whole,
)
from tidegate.features.batch.split import split
from tidegate.features.risk import NoRiskModel, RiskFactory

PROCESSES = 2
"""Workers, unless told otherwise."""
ASKING = ".asking.lock"
"""Lock of who prepares a run: the request and the export of the log. Taken before `COMPUTING`."""
COMPUTING = ".lock"
"""Lock of who splits, computes and publishes."""


class BatchBusyError(Exception):
    """Another process computes in the same folder."""


class BatchWorkerDiedError(Exception):
    """A worker process was killed. Running again goes on where this run stopped."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a run is."""

    name: str
    """What is being done."""
    done: int
    """Units done."""
    total: int
    """Units in all; 0 where nobody knows before."""
    unit: str = ""
    """What is counted."""


Progress = Callable[[Step], None]


def compute(
    inputs: BatchInputs,
    offline: Path,
    *,
    progress: Progress,
    processes: int = PROCESSES,
    risk: RiskFactory = NoRiskModel,
) -> Published:
    """Computes the signals of every account in the events at every instant, and publishes them.

    Args:
        inputs: Events and instants.
        offline: The folder of runs.
        progress: Is told of each step.
        processes: Worker processes; a run of one partition needs none.
        risk: Makes the risk model; `inputs.risk` says its name and version.

    Raises:
        BatchBusyError: Another process computes there.
        BatchWorkerDiedError: Run it again.
        PartitionError, EventColumnsError: Events can't be computed from; nothing was published.
    """
    files = len(inputs.files)
    progress(Step("reading the events", 0, files, "files"))
    digest = inputs.digest()
    progress(Step("reading the events", files, files, "files"))
    with alone(offline, COMPUTING):
        run = RunDirectory(offline / RUNS / digest[:16])
        current = _published(offline)
        if current is not None and current.name == run.path.name:
            return current
        remove_unpublished(offline, but=run.path.name)
        partitions = inputs.partitions()
        manifest = {"inputs": digest, "at_us": sorted(inputs.at_us), "partitions": partitions}
        write_whole(run.path / "manifest.json", manifest)
        progress(Step("splitting by account", 0, partitions, "partitions"))
        split(inputs, run, partitions=partitions, threads=processes)
        progress(Step("splitting by account", partitions, partitions, "partitions"))
        parts: list[Finished] = []
        for part in _computed(run, partitions, inputs.at_us, processes, risk):
            parts.append(part)
            progress(Step("computing", len(parts), partitions, "partitions"))
        return publish(offline, run, manifest, parts)


def _published(offline: Path) -> Published | None:
    try:
        return published(offline)
    except NothingPublishedError:
        return None


def _computed(
    run: RunDirectory, partitions: int, at_us: Sequence[int], processes: int, risk: RiskFactory
) -> Iterator[Finished]:
    if partitions == 1 or processes == 1:
        for number in range(partitions):
            yield compute_partition(run, number, at_us, risk)
        return
    context = multiprocessing.get_context(
        "spawn"
    )  # a forked process would inherit locks of DuckDB's and Arrow's threads
    with ProcessPoolExecutor(processes, mp_context=context, initializer=end_with_parent) as pool:
        waiting = [pool.submit(compute_partition, run, number, at_us, risk) for number in range(partitions)]
        try:
            for each in as_completed(waiting):
                yield each.result()
        except BrokenProcessPool as error:
            raise BatchWorkerDiedError("a worker process was killed; run again to go on from here") from error
        finally:
            for each in waiting:
                each.cancel()


@contextmanager
def alone(offline: Path, lock: str) -> Iterator[None]:
    """Keeps other processes out for the block, erasures among them. Raises BatchBusyError if one is at work."""
    offline.mkdir(parents=True, exist_ok=True)
    with (offline / lock).open("w") as file:  # the kernel lets go of it however the process ends
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BatchBusyError(f"another process computes in {offline}, or erases from it") from error
        yield
