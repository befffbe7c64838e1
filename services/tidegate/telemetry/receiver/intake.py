"""Takes parsed spans from both servers into the store, off the event loop and within bounds."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tidegate.telemetry.receiver.store import SpanStore
from tidegate.telemetry.span_record import SpanRecord

_LOG = logging.getLogger(__name__)


class IntakeUnavailable(Exception):
    """The spans can't be taken now; the sender may try again."""


class SpanIntake:
    """One writer thread in front of the store. An export is acknowledged when its spans are stored."""

    def __init__(self, store: SpanStore, *, max_waiting: int = 64, expire_every_s: float = 10.0) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._expire_every_s = expire_every_s
        self._waiting = 0
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="span-writer")

    async def take(self, spans: Sequence[SpanRecord]) -> None:
        """Stores the spans.

        Raises:
            IntakeUnavailable: Too much is waiting already, or the store can't be written.
        """
        if not spans:
            return
        if self._waiting >= self._max_waiting:
            raise IntakeUnavailable
        self._waiting += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._store.add, spans)
        except sqlite3.Error as error:
            _LOG.error("span_store_write_failed", extra={"error_type": type(error).__name__})
            raise IntakeUnavailable from error
        finally:
            self._waiting -= 1

    async def keep_bounded(self) -> None:
        """Applies retention again and again, until cancelled."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._writer, self._store.expire)
            except sqlite3.Error as error:
                _LOG.warning("span_store_expiry_failed", extra={"error_type": type(error).__name__})
            await asyncio.sleep(self._expire_every_s)

    def close(self) -> None:
        """Lets the writer finish and closes the store."""
        self._writer.shutdown(wait=True)
        self._store.close()
