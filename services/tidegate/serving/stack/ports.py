"""Free ports on this machine."""

import random
import socket

LOOPBACK = "127.0.0.1"

_LOWEST, _HIGHEST = 20_000, 30_000


def free_ports(count: int) -> list[int]:
    """Ports that are free now and differ from each other."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_range(length: int) -> range:
    """Neighbouring ports that are free now, below the range that the kernel hands out by itself.

    Raises:
        OSError: There is no such range.
    """
    starts = list(range(_LOWEST, _HIGHEST, length))
    random.shuffle(starts)  # two stacks that start at the same moment should not look at the same ports
    for start in starts:
        if all(is_free(port) for port in range(start, start + length)):
            return range(start, start + length)
    raise OSError(f"no {length} neighbouring free ports between {_LOWEST} and {_HIGHEST}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of every interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
