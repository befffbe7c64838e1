"""Accounts that something has just happened to: they go before refreshes, in the order in which they were touched."""

import itertools
import threading
from collections.abc import Iterable

MOST = 100_000
"""Accounts remembered. Those beyond lose only their precedence: the log knows that they are due."""


class FreshlyTouched:
    """A set in order of arrival, shared by threads."""

    def __init__(self) -> None:
        self._accounts: dict[str, None] = {}
        self._lock = threading.Lock()
        self._arrived = threading.Event()

    def add(self, account_ids: Iterable[str]) -> None:
        """Notes accounts and wakes who waits."""
        with self._lock:
            for account_id in account_ids:
                if len(self._accounts) >= MOST:
                    break
                self._accounts.setdefault(account_id)
        self._arrived.set()

    def take(self, limit: int) -> list[str]:
        """The first so many, which are forgotten here."""
        with self._lock:
            taken = list(itertools.islice(self._accounts, limit))
            for account_id in taken:
                del self._accounts[account_id]
            return taken

    def put_back(self, account_ids: Iterable[str]) -> None:
        """Notes accounts that could not be dealt with, before all others. Wakes nobody."""
        with self._lock:
            self._accounts = {**dict.fromkeys(account_ids), **self._accounts}

    def wake(self) -> None:
        """Wakes who waits, though nothing was added."""
        self._arrived.set()

    def wait(self, timeout_s: float) -> bool:
        """Returns True when something was added since the last wait, False after the time-out."""
        arrived = self._arrived.wait(timeout_s)
        self._arrived.clear()
        return arrived
