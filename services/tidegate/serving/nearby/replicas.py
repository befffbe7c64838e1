"""The router's side: replicas of a stage on this machine, and which of them is asked."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from tidegate.serving.nearby.frames import Frames, content_of, frame
from tidegate.serving.nearby.place import SUFFIX

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
"""Between two looks for replicas that came."""
MOST_UNDER_WAY: Final = 16
"""Calls that one replica may have under way from one router before Serve is asked to choose among all."""


class NoneNear(Exception):
    """No replica on this machine takes this call; Serve may know one."""


class StageFailed(Exception):
    """The stage raised. The message is the exception's type: others may quote content."""


class _Line:
    """A connection to one replica."""

    def __init__(self, gone: Callable[[], None]) -> None:
        self._frames = Frames(arrived=self._arrived, lost=self._lost)
        self._gone = gone
        self._calls = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.under_way = 0
        """Calls without an answer, those that nobody waits for any more included."""

    @classmethod
    async def to(cls, path: Path, gone: Callable[[], None]) -> "_Line":
        line = cls(gone)
        await asyncio.get_running_loop().create_unix_connection(lambda: line._frames, str(path))
        return line

    async def ask(self, method: str, batch: Any) -> Any:
        self._calls += 1
        asked = frame(self._calls, (method, batch))
        try:
            self._frames.send(asked)
        except ConnectionError as error:
            raise NoneNear from error
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._calls] = waiting
        self.under_way += 1
        return await waiting

    def _arrived(self, call: int, body: bytes) -> None:
        self.under_way -= 1
        waiting = self._waiting.pop(call)
        if waiting.done():  # given up
            return
        try:
            well, answer = content_of(body)
        except Exception as error:  # noqa: BLE001 - whatever unpickling raises is the call's outage
            waiting.set_exception(StageFailed(type(error).__name__))
            return
        if well:
            waiting.set_result(answer)
        else:
            waiting.set_exception(StageFailed(answer))

    def _lost(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoneNear())
        self._waiting.clear()
        self._gone()


class NearbyReplicas:
    """Replicas of one stage that listen in a folder. Belongs to one event loop."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Knows none yet.

        Args:
            folder: See `place`.
            clock: Seconds that only grow.
        """
        self._folder = folder
        self._clock = clock
        self._lines: dict[Path, _Line] = {}
        self._look_at_s = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def ask(self, method: str, batch: Any) -> Any:
        """The answer of the least busy replica. Never waits for one to come.

        Raises:
            NoneNear: None is here, all are busy, or the one that was asked went away.
            StageFailed: The stage raised.
        """
        if self._clock() >= self._look_at_s and self._looking is None:
            self._look_at_s = self._clock() + LOOK_EVERY_S
            self._looking = asyncio.create_task(self._look())
        line = min(self._lines.values(), key=_busy, default=None)
        if line is None or line.under_way >= MOST_UNDER_WAY:
            raise NoneNear
        return await line.ask(method, batch)

    async def _look(self) -> None:
        try:
            for path in self._folder.glob(f"*{SUFFIX}"):
                if path not in self._lines:
                    await self._connect(path)
        finally:
            self._looking = None

    async def _connect(self, path: Path) -> None:
        try:
            self._lines[path] = await _Line.to(path, partial(self._forget, path))
        except ConnectionRefusedError:  # its process died without taking it along
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - one call of the system
        except OSError as error:  # left in this moment, or too busy to be met: the next look tries again
            logger.debug("nearby.not_met", extra={"error_type": type(error).__name__})

    def _forget(self, path: Path) -> None:
        self._lines.pop(path, None)


def _busy(line: _Line) -> int:
    return line.under_way
