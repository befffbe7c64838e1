"""Reads the caller's items for a stream, a bounded number ahead of the results."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Protocol

from tidegate.client.streaming import GivenItem

OnItem = Callable[[GivenItem], None]
OnEnd = Callable[[BaseException | None], None]


class Intake(Protocol):
    """Gives items to a stream until they end."""

    def start(self) -> None:
        """Begins to read."""

    def release(self) -> None:
        """One item has been handed out as a result: one more may be read."""

    def stop(self) -> None:
        """Reads no more. An item that is being made just now is not waited for."""


class ThreadIntake:
    """Reads a plain iterable in a thread of its own: it may block, and neither caller nor event loop waits for it.

    The thread sees the context variables of its maker. It is a daemon, because nothing can interrupt an iterable that
    blocks.
    """

    def __init__(self, items: Iterable[GivenItem], *, ahead: int, on_item: OnItem, on_end: OnEnd) -> None:
        """Reads nothing yet.

        Args:
            items: The source.
            ahead: Most items read and not released.
            on_item: Called in the thread with each item.
            on_end: Called in the thread when the source has ended or was stopped, with what it raised if it did.
        """
        self._items = items
        self._slots = threading.Semaphore(ahead)
        self._stopped = False
        self._on_item = on_item
        self._on_end = on_end

    def start(self) -> None:
        """Starts the thread."""
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._read,), name="tidegate-client-items", daemon=True).start()

    def release(self) -> None:
        """Lets one more item be read."""
        self._slots.release()

    def stop(self) -> None:
        """Ends the thread as soon as the source gives it a chance."""
        self._stopped = True
        self._slots.release()

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            for given in self._one_by_one():
                self._on_item(given)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
            failure = error
        self._on_end(failure)

    def _one_by_one(self) -> Iterator[GivenItem]:
        source = iter(self._items)
        while True:
            self._slots.acquire()
            if self._stopped:
                return
            try:
                given = next(source)
            except StopIteration:
                return
            yield given


class TaskIntake:
    """Reads an async iterable in a task of the running event loop."""

    def __init__(self, items: AsyncIterable[GivenItem], *, ahead: int, on_item: OnItem, on_end: OnEnd) -> None:
        """Reads nothing yet; the arguments are those of `ThreadIntake`, called in the task."""
        self._items = items
        self._slots = asyncio.Semaphore(ahead)
        self._on_item = on_item
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the task."""
        self._task = asyncio.create_task(self._read(), name="tidegate-client-items")

    def release(self) -> None:
        """Lets one more item be read."""
        self._slots.release()

    def stop(self) -> None:
        """Cancels the task."""
        if self._task is not None:
            self._task.cancel()

    async def _read(self) -> None:
        failure: BaseException | None = None
        try:
            source = aiter(self._items)
            while True:
                await self._slots.acquire()
                self._on_item(await anext(source))
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - handed to the caller, who raises it
            failure = error
        self._on_end(failure)
