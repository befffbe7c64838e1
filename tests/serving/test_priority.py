"""Who goes first is for replicas of Serve alone: whoever else makes a stage keeps its priority."""

import os

from tidegate.serving.priority import give_way


def test_outside_a_replica_nothing_changes() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    give_way()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
