"""One partition of a batch run: events in, rows of every view out. What a worker process does."""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.batch.run_directory import Finished, RunDirectory
from tidegate.features.batch.split import partition_events
from tidegate.features.refs import ACCOUNT_PROFILE, ACCOUNT_RISK, JOIN_KEY
from tidegate.features.risk import RiskFactory
from tidegate.features.transforms.account_signals import ASKED_SCHEMA, COMPUTED_VIEWS, account_signals

VIEWS = (*COMPUTED_VIEWS, ACCOUNT_RISK)
"""Views that a run writes."""


def compute_partition(run: RunDirectory, number: int, at_us: Sequence[int], risk: RiskFactory) -> Finished:
    """Computes a partition and writes its rows; one that is finished already is left as it is.

    Raises:
        PartitionError: An event lacks what it must have.
        EventColumnsError: An event has a kind or action that does not exist.
    """
    done = run.finished(number)
    if done is not None:
        return done
    events = partition_events(run, number)
    asked = pa.Table.from_batches([], ASKED_SCHEMA.remove(2))
    if events.num_rows:
        asked = _asked(pc.unique(events[JOIN_KEY]), at_us)
    rows = dict(account_signals(events, asked))
    rows[ACCOUNT_RISK.name] = risk().score(rows[ACCOUNT_PROFILE.name])
    for view in VIEWS:
        run.write_rows(view, number, rows[view.name])
    finished = Finished(number, events.num_rows, {view.name: rows[view.name].num_rows for view in VIEWS})
    run.finish(finished)
    return finished


def _asked(accounts: pa.Array, at_us: Sequence[int]) -> pa.Table:
    instants = pa.array(sorted(at_us), pa.int64())
    each_account = pa.array([place for place in range(len(accounts)) for _ in at_us], pa.int64())
    each_instant = pa.array([*range(len(instants))] * len(accounts), pa.int64())
    return pa.table({JOIN_KEY: accounts.take(each_account), "at_us": instants.take(each_instant)})


def end_with_parent() -> None:
    """Ends this worker as soon as the process that started it is gone, even by SIGKILL: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
