"""Waits for what happens elsewhere."""

import asyncio
import threading
import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Whether it holds at some moment before the time is up."""
    deadline_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


async def soon(holds: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """As `eventually`, for what the event loop itself has to bring about."""
    deadline_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(0.01)
    return True


def client_threads() -> set[str]:
    """Names of the threads that the client started and that still run."""
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("tidegate-client")}
