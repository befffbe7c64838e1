"""Takes events in, in this process: check, make durable together with whoever else waits, wake the processor.

One thread appends. The commit is greedy: what comes during one transaction goes into the next, and an idle writer
commits at once.
"""

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import Appended, EventLog, EventLogUnavailableError
from tidegate.features.events.validation import EventLimits, refusal
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent, Refusal, RefusedEvent

MOST_WAITING = 50_000
"""Events that may wait for the disk; more is refused as an outage, before memory is."""
MOST_TOGETHER = 2_000
"""Events in one transaction, unless one call alone has more."""
TIMEOUT_S = 5.0
"""The longest a call waits until its events are durable."""
READINESS = "readiness"
"""Name of the cursor that a readiness probe moves: only a write tells whether the log can be written."""

Answer = RecordedEvent | RefusedEvent


@dataclass(slots=True, eq=False)
class _Call:
    """What one caller wants recorded."""

    events: Sequence[AccountEvent]
    fresh: bool
    future: "Future[Sequence[Appended]]" = field(default_factory=Future)


class LocalSignalIntake:
    """`SignalIntake` over an event log. The thread starts with the first call."""

    def __init__(
        self, log: EventLog, *, clock: Callable[[], datetime], limits: EventLimits, fresh: FreshlyTouched
    ) -> None:
        """Wires the intake.

        Args:
            log: Where events are kept. Closed by whoever made it.
            clock: The time, UTC.
            limits: What is taken.
            fresh: Receives the accounts that something new happened to, unless it is a backfill.
        """
        self._log = log
        self._clock = clock
        self._limits = limits
        self._fresh = fresh
        self._waiting: deque[_Call] = deque()
        self._count = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    async def record(self, events: Sequence[AccountEvent], *, backfill: bool = False) -> Sequence[Answer]:
        """See `SignalIntake.record`."""
        answers, call = self._submit(events, backfill=backfill)
        if call is None:
            return _filled(answers, ())
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return _filled(answers, await asyncio.wrap_future(call.future))
        except TimeoutError as late:
            raise EventLogUnavailableError("not durable in time") from late

    def record_blocking(self, events: Sequence[AccountEvent], *, backfill: bool = False) -> Sequence[Answer]:
        """`record` for a caller with a thread of its own."""
        answers, call = self._submit(events, backfill=backfill)
        if call is None:
            return _filled(answers, ())
        try:
            return _filled(answers, call.future.result(TIMEOUT_S))
        except TimeoutError as late:
            call.future.cancel()
            raise EventLogUnavailableError("not durable in time") from late

    async def ready(self) -> bool:
        """See `SignalIntake.ready`."""
        if self._closing:
            return False
        try:
            await asyncio.to_thread(self._log.move_cursor, READINESS, self._clock().isoformat())
        except EventLogUnavailableError:
            return False
        return True

    async def close(self) -> None:
        """See `SignalIntake.close`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 2 * TIMEOUT_S)

    def _submit(
        self, events: Sequence[AccountEvent], *, backfill: bool
    ) -> tuple[list[RefusedEvent | None], _Call | None]:
        now = self._clock()
        answers = [refusal(event, now=now, backfill=backfill, limits=self._limits) for event in events]
        sound = [event for event, refused in zip(events, answers, strict=True) if refused is None]
        if not sound:
            return answers, None
        call = _Call(sound, fresh=not backfill)
        with self._changed:
            if self._closing:
                raise EventLogUnavailableError("closed")
            if self._count + len(sound) > MOST_WAITING and self._waiting:
                raise EventLogUnavailableError("too many events are waiting")
            self._waiting.append(call)
            self._count += len(sound)
            if self._thread is None:
                self._thread = threading.Thread(target=self._append_until_closed, name="event-intake", daemon=True)
                self._thread.start()
            self._changed.notify()
        return answers, call

    def _append_until_closed(self) -> None:
        while calls := self._next_calls():
            self._append(calls)

    def _next_calls(self) -> list[_Call]:
        """What goes together; empty when closed and nobody waits."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            calls: list[_Call] = []
            together = 0
            while self._waiting and (not calls or together + len(self._waiting[0].events) <= MOST_TOGETHER):
                calls.append(self._waiting.popleft())
                together += len(calls[-1].events)
            self._count -= together
            return calls

    def _append(self, calls: Sequence[_Call]) -> None:
        wanted = [call for call in calls if call.future.set_running_or_notify_cancel()]
        events = [event for call in wanted for event in call.events]
        if not events:
            return
        try:
            appended = iter(self._log.append(events, recorded_at=self._clock()))
        except Exception as error:  # noqa: BLE001 - thread boundary: every caller hears of it, the thread goes on
            outage = error if isinstance(error, EventLogUnavailableError) else EventLogUnavailableError("append failed")
            for call in wanted:
                call.future.set_exception(outage)
            return
        for call in wanted:
            own = list(itertools.islice(appended, len(call.events)))
            if call.fresh:
                news = zip(call.events, own, strict=True)
                self._fresh.add(event.account_id for event, became in news if became is Appended.NEW)
            call.future.set_result(own)


def _filled(refused: Sequence[RefusedEvent | None], appended: Sequence[Appended]) -> list[Answer]:
    became = iter(appended)
    return [_answer(next(became)) if each is None else each for each in refused]


def _answer(appended: Appended) -> Answer:
    match appended:
        case Appended.CONFLICT:
            message = "was recorded with other content: an id is used once, and a repeat is the same event"
            return RefusedEvent(Refusal.CONFLICT, "event_id", message)
        case Appended.ERASED:
            return RefusedEvent(Refusal.ERASED, "occurred_at", "lies before the erasure of the account")
        case Appended.NEW | Appended.REPEATED:
            return RecordedEvent(appended)
