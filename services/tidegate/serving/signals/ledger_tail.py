"""Our own decisions as account events: follows the ledger at the beat of the signals' loop.

The loop of a decision: recorded in the ledger → DECISION event of the account → its signals → its next item. An event
has the id `decision:` and the decision's, so however often the ledger is read, each counts once.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import EventLog
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.ledger.archive import LedgerPlace, Stretch
from tidegate.ledger.record_format import RecordFormatError
from tidegate.ledger.record_outline import RecordOutline, outline

_log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""After a failure: a ledger that can't be read must not cost every round of the loop."""
CHUNK = 500
"""Records at a time: bounds memory and the length of a transaction, however long the ledger."""
RECENT = timedelta(hours=1)
"""A decision no older than this goes before refreshes; older ones are a backlog, which is taken like a backfill."""


class Intake(Protocol):
    """What the tail hands events to: `LocalSignalIntake`, for a caller who may wait."""

    def record_blocking(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """See `SignalIntake.record`."""
        ...


def decision_event(decision: RecordOutline) -> AccountEvent:
    """The account event that a decision is. The digest of its content is that of its parts' digests, in their order."""
    return AccountEvent(
        event_id=f"decision:{decision.decision_id}",
        account_id=decision.account_id,
        kind=EventKind.DECISION,
        occurred_at=decision.decided_at,
        subject_id=decision.decision_id,
        action=decision.action.value,
        content_digest=hashlib.sha256("".join(decision.part_digests).encode()).hexdigest(),
    )


class LedgerTail:
    """Follows one ledger, which need not exist yet. For one thread at a time."""

    def __init__(
        self,
        ledger: LedgerPlace,
        *,
        log: EventLog,
        intake: Intake,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remembers what to follow.

        Args:
            ledger: Where it is.
            log: Keeps the place between restarts.
            intake: Takes the events.
            clock: The time, UTC.
            monotonic: Seconds that only grow, to pause by.
        """
        self._follower = ledger.follower(log.cursor)
        self._log = log
        self._intake = intake
        self._clock = clock
        self._monotonic = monotonic
        self._outage = ""
        self._paused_until = float("-inf")

    def step(self) -> bool:
        """`read_on` for a loop with other work: True if there is more at once. Failures are logged; a pause follows."""
        if self._monotonic() < self._paused_until:
            return False
        try:
            read = self.read_on()
        except Exception as error:  # noqa: BLE001 - as at a thread's boundary: a step that broke must not end the loop
            return self._failed(type(error).__name__)
        if self._outage:
            _log.warning("ledger_tail.reads_again", extra={"error": self._outage})
        self._outage = ""
        return read >= CHUNK

    def read_on(self) -> int:
        """Takes up the next records and notes the place; how many there were.

        Raises:
            EventLogUnavailableError: They are taken up again from the noted place.
            Exception: The ledger can't be read; of what kind depends on where it is.
        """
        read = 0
        for stretch in self._follower.unread(limit=CHUNK):
            self._take_up(stretch)
            read += len(stretch.payloads)
        return read

    def close(self) -> None:
        """Closes the ledger. The next step opens it again."""
        self._follower.close()

    def _take_up(self, stretch: Stretch) -> None:
        if stretch.removed:  # account signals lack these decisions for good
            _log.error("ledger_tail.removed_before_read", extra={"records": stretch.removed})
        outlines = [_outlined(payload) for payload in stretch.payloads]
        self._hand_on([each for each in outlines if each is not None])
        self._log.move_cursor(stretch.cursor, stretch.place)
        self._follower.taken_up(stretch)

    def _hand_on(self, decisions: Sequence[RecordOutline]) -> None:
        now = self._clock()
        for old in (False, True):
            part = [decision_event(each) for each in decisions if (now - each.decided_at > RECENT) is old]
            if not part:
                continue
            answers = self._intake.record_blocking(part, backfill=old)
            refused = [answer.reason.value for answer in answers if isinstance(answer, RefusedEvent)]
            if refused:  # of an erased account, or older than any backfill reaches: neither changes by waiting
                _log.info("ledger_tail.refused", extra={"events": len(refused), "reasons": sorted(set(refused))})

    def _failed(self, outage: str) -> bool:
        self.close()
        self._paused_until = self._monotonic() + PAUSE_S
        if outage != self._outage:
            _log.warning("ledger_tail.behind", extra={"error": outage})
        self._outage = outage
        return False


def _outlined(payload: bytes) -> RecordOutline | None:
    try:
        return outline(payload)
    except RecordFormatError:
        _log.error("ledger_tail.unreadable_record")  # `tidegate ledger verify` says which
        return None
