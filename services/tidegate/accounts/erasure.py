"""Erasing an account, from the first look to the receipt. Killed anywhere, it is asked for again and ends complete.

    lock out batch runs → note → event log (tombstone) → offline → let a round end → online → look again →
    let batch runs in → rewrite the event log → receipt

The tombstone comes first: from then on nothing that happened before can come back, whichever process holds it in memory
or on disk. It is written to the log's file beside a running stack: any process may write the log, one at a time. What
was deleted from the log is still in its file until the log is rewritten. That takes days where the log is large, so
nobody is locked out meanwhile, and several erasures wait for the same rewriting.
"""

import fcntl
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tidegate.accounts.held import AccountPlaces, AccountStoreUnavailableError, Held, Span, Store
from tidegate.accounts.receipts import Receipt, Receipts
from tidegate.accounts.stores import AccountStores
from tidegate.features.events.columns import microseconds, moment
from tidegate.features.events.log import Erasure, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.sqlite_rewriter import Progress, SqliteEventRewriter

ROUND_S = 2.0
"""The longest that a processor's round is waited for. One that has read an account before the tombstone writes its rows
and takes them out again by itself; after it, no trace of them is left in the online store's file either."""
LOG_TIMEOUT_S = 60.0
"""The longest wait for others who write the event log, or for one who reads what is to go."""
TOLD_EVERY_S = 10.0
"""Between two words on how far the event log is rewritten."""
ATTEMPTS = 5
"""Looks at the online store until it stays empty."""

Result = TypeVar("Result")

Say = Callable[[str], None]
"""Takes what is being done, for a person to read."""


class ErasureIncompleteError(Exception):
    """Something is still there. Erasing again is safe and goes on."""


class AccountEraser:
    """Erases accounts of one deployment, whether its stack runs or not."""

    def __init__(self, places: AccountPlaces, *, clock: Callable[[], datetime], round_s: float = ROUND_S) -> None:
        """Wires it.

        Args:
            places: Where the stores lie.
            clock: The time, UTC.
            round_s: How long to wait for a running processor's round.
        """
        self._places = places
        self._stores = AccountStores(places)
        self._receipts = Receipts(places.erasures)
        self._clock = clock
        self._round_s = round_s

    def look(self, account_id: str) -> Held:
        """What there is, before anybody decides.

        Raises:
            AccountStoreUnavailableError: A store can't be read.
        """
        digest = self._stores.events.digest(account_id)
        return Held(
            erasable=self._stores.erasable(account_id),
            kept=self._stores.ledger.span(account_id),
            erased_at=self._stores.erased_at(account_id),
            unfinished=digest is not None and self._receipts.is_unfinished(digest),
        )

    def erase(self, account_id: str, *, kept: Span, say: Say) -> Receipt:
        """Erases the account from every store but the ledger.

        Args:
            account_id: Whom.
            kept: Its decision records, for the receipt.
            say: Is told of each step.

        Raises:
            AccountStoreUnavailableError: A store can't be read or changed. What was begun is noted; erase again.
            ErasureUnderWayError: Another process erases, and has come no further than to look again.
            ErasureIncompleteError: Rows came back while others wrote; erase again.
        """
        say("waiting for batch runs and other erasures to end")
        with self._receipts.alone(), self._stores.offline.alone():
            say("looking through the stores")
            found = self._stores.erasable(account_id)
            note = self._receipts.begin(self._digest(account_id), found=found, now=self._clock())
            say("erasing from the event log")
            erasure, rewriting = self._erase_events(account_id)
            up_to_us = microseconds(erasure.erased_at)
            say("erasing from offline files")
            self._stores.offline.remove(account_id)
            if _held(self._places.turn):
                say("waiting for signals that are being computed to be written")
                time.sleep(self._round_s)
            say("erasing from the online store")
            self._erase_online(account_id, up_to_us=up_to_us)
            say("looking again")
            self._verify(account_id, up_to_us=up_to_us)
        say("rewriting the event log, so that no byte stays in its file; killed, the same command goes on")
        self._rewrite(rewriting, say=say)
        return self._receipts.finish(note, erased_up_to=erasure.erased_at, kept=kept, now=self._clock())

    def _digest(self, account_id: str) -> bytes:
        with closing(SqliteEventLog(self._places.events, timeout_s=LOG_TIMEOUT_S)) as log:
            _explained(lambda: log.versions([account_id]))  # opening a log that is not there makes it, and its key
        digest = self._stores.events.digest(account_id)
        assert digest is not None, "the log was just opened"
        return digest

    def _erase_events(self, account_id: str) -> tuple[Erasure, int]:
        """See `SqliteEventLog.delete`. Up to now, or the latest event, which may be ahead of our clock."""
        with closing(SqliteEventLog(self._places.events, timeout_s=LOG_TIMEOUT_S)) as log:
            at = max(self._clock(), moment(self._stores.events.latest_us(account_id)))
            return _explained(lambda: log.delete(account_id, at=at))

    def _rewrite(self, number: int, *, say: Say) -> None:
        told_s = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal told_s
            if time.monotonic() - told_s >= TOLD_EVERY_S:
                told_s = time.monotonic()
                once_more = ", then once more: it had begun before" if progress.begun < number else ""
                say(f"rewriting the event log: {progress.share:.0%}{once_more}")

        with closing(SqliteEventRewriter(self._places.events, timeout_s=LOG_TIMEOUT_S)) as rewriter:
            _explained(lambda: rewriter.run(number, told=tell))

    def _erase_online(self, account_id: str, *, up_to_us: int) -> None:
        for _ in range(ATTEMPTS):
            self._stores.online.delete(account_id)
            if not self._stores.online.count(account_id, up_to_us=up_to_us):
                return

    def _verify(self, account_id: str, *, up_to_us: int) -> None:
        left = {store: count for store, count in self._stores.erasable(account_id, up_to_us=up_to_us).items() if count}
        if left:
            told = ", ".join(f"{store}: {count}" for store, count in left.items())
            raise ErasureIncompleteError(f"something came back meanwhile ({told}); erase again")


def _explained(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except EventLogUnavailableError as error:
        cause = "the event log can't be written, or somebody reads on what is to go; erase again"
        raise AccountStoreUnavailableError(Store.EVENTS, cause) from error


def _held(turn: Path) -> bool:
    """Whether a process computes signals from the log."""
    try:
        with turn.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
