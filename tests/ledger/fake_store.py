"""A ledger's store in memory that a test holds and breaks, and callers of a writer over it."""

import asyncio
import threading
from collections.abc import Callable

from tidegate.ledger.group_commit import GroupCommit, StoreBusy


class FakeStore:
    """Transactions that append to a list; while it is cleared, `opening` holds every begin and `gate` every commit."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.opening = threading.Event()
        self.opening.set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.fail_with: Exception | None = None
        self.busy = False
        self.discarded = 0
        self.left = 0
        self.closed = False
        self._open: list[str] = []

    def begin(self) -> list[str]:
        if self.busy:
            raise StoreBusy
        self.opening.wait(10)
        self._open = []
        return self._open

    def commit(self) -> None:
        self.entered.set()
        self.gate.wait(10)
        if self.fail_with is not None:
            raise self.fail_with
        self.commits.append(self._open)

    def leave(self) -> None:
        self.left += 1

    def discard(self) -> None:
        self.discarded += 1

    def close(self) -> None:
        self.closed = True


def put(name: str) -> Callable[[list[str]], str]:
    def work(transaction: list[str]) -> str:
        transaction.append(name)
        return name

    return work


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is another thread's
            await asyncio.sleep(0.001)


async def held(store: FakeStore, writer: GroupCommit[list[str]]) -> "asyncio.Task[str]":
    """One caller whose commit is under way and does not end."""
    store.gate.clear()
    first = asyncio.create_task(writer.run(put("first")))
    await until(store.entered.is_set)
    return first
