"""Who goes first where routers, stages and Triton share cores, as on one machine: routers.

A router that waits for a core answers nobody, not even with when to come back: what comes queues before admission,
where nobody counts it, until all of it is late. What stages are short of, admission sees as slow work, and acts on.
"""

import contextlib
import os
from pathlib import Path

from ray import serve
from ray.serve.exceptions import RayServeException

from tidegate.serving.ray_environment import NICENESS


def give_way() -> None:
    """From now on routers go first. Of all threads of this process; does nothing outside a replica of Serve's."""
    try:
        serve.get_replica_context()
    except RayServeException:
        return
    niceness = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
