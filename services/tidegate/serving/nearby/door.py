"""The stage's side: a socket on which routers of the same machine ask without Serve between."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from tidegate.serving.nearby.frames import Frames, content_of, frame
from tidegate.serving.nearby.place import SUFFIX, private_folder

logger = logging.getLogger(__name__)

Method = Callable[[Any], Awaitable[Any]]
"""Takes a batch."""


class StageDoor:
    """Answers calls of near routers. Belongs to one event loop."""

    def __init__(self, folder: Path, methods: Mapping[str, Method]) -> None:
        """Stays shut until `open`.

        Args:
            folder: See `place`.
            methods: What can be called, by name.
        """
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._opening, self._path = folder / name, folder / f"{name}{SUFFIX}"
        self._methods = methods
        self._server: asyncio.Server | None = None
        self._connections: set[Frames] = set()
        self._answers: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """From now on routers find it.

        Raises:
            OSError: The socket can't be made.
            UnsafePlace: The folder is not this user's alone.
        """
        loop = asyncio.get_running_loop()
        folder = self._path.parent
        private_folder(folder.parent, folder.name)  # a replica that left may have taken it along
        self._server = await loop.create_unix_server(self._connected, str(self._opening))
        self._opening.rename(self._path)

    async def close(self) -> None:
        """Leaves the folder, answers what has begun, hangs up."""
        self._path.unlink(missing_ok=True)
        if self._server is None:
            return
        self._server.close()
        if self._answers:
            await asyncio.wait(self._answers)
        for connection in list(self._connections):
            connection.close()
        with contextlib.suppress(OSError):  # other replicas are still there
            self._path.parent.rmdir()

    def _connected(self) -> Frames:
        def arrived(call: int, body: bytes) -> None:
            answer = asyncio.create_task(self._answer(connection, call, body))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)

        connection = Frames(arrived=arrived, lost=lambda: self._connections.discard(connection))
        self._connections.add(connection)
        return connection

    async def _answer(self, connection: Frames, call: int, body: bytes) -> None:
        try:
            method, batch = content_of(body)
            answered = frame(call, (True, await self._methods[method](batch)))
        except Exception as error:  # the boundary: the router has to hear of it
            logger.exception("nearby.call_failed")
            answered = frame(call, (False, type(error).__name__))
        with contextlib.suppress(ConnectionError):  # the router has gone
            connection.send(answered)
