"""The in-process server of `tests.serving`, on an event loop in a thread, for callers that block."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from tests.serving.in_process import Served, serving


@contextmanager
def running(**arguments: Any) -> Iterator[Served]:
    """Serves until the block ends; takes what `serving` takes. Only `address` and the parts are for other threads."""
    started: Future[tuple[Served, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with serving(**arguments) as served:
            started.set_result((served, asyncio.get_running_loop(), stop))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="background-server")
    thread.start()
    served, loop, stop = started.result(timeout=60)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
