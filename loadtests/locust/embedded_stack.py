"""A stack of the load test's own: started on free ports with a state of its own, stopped whatever happens."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_S, _STOP_S = 420, 120


class StackError(Exception):
    """The stack did not start. The lines above the message say why."""


@contextmanager
def running_stack(tidegate: Path, *, state: Path) -> Iterator[str]:
    """Starts a stack with fresh state and yields its gRPC address.

    Args:
        tidegate: The command.
        state: Its state directory; what an earlier run left there is removed.

    Raises:
        StackError: It does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "TIDEGATE_STATE_DIR": str(state), "TIDEGATE_GRPC__PORT": str(port)}
    subprocess.run([tidegate, "down"], env=env, stdout=subprocess.DEVNULL, timeout=_STOP_S, check=False)
    shutil.rmtree(state, ignore_errors=True)
    up = [str(tidegate), "up", "--detach", "--json"]
    try:
        started = subprocess.run(up, env=env, stdout=subprocess.PIPE, text=True, timeout=_START_S, check=False)
        if started.returncode:
            raise StackError(f"`tidegate up` ended with {started.returncode}; its log is in {state / 'logs'}")
        yield str(json.loads(started.stdout)["grpc_address"])
    finally:
        subprocess.run([tidegate, "down"], env=env, stdout=subprocess.DEVNULL, timeout=_STOP_S, check=False)
