"""Which process it is: the same in its spans and its metrics, so that one leads to the other."""

import os
import socket


def instance_id() -> str:
    """For `service.instance.id`. Asked in the process itself, not before a fork."""
    return f"{socket.gethostname()}:{os.getpid()}"
