"""Account signals kept in this process: events in, our own decisions in, signals computed and written online."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import EventLog
from tidegate.features.events.validation import EventLimits
from tidegate.features.online_writer import OnlineWriter
from tidegate.features.risk import RiskModel
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.features.stream.local_intake import LocalSignalIntake
from tidegate.features.stream.processor import Applied, SignalProcessor
from tidegate.features.stream.processor_loop import ProcessorLoop
from tidegate.features.stream.turn import Turn
from tidegate.ledger.archive import LedgerPlace
from tidegate.serving.signals.ledger_tail import LedgerTail
from tidegate.serving.signals.visibility import Visibility
from tidegate.telemetry.measures import EventMetrics, NullEventMetrics


class Loop(Protocol):
    """A thread that works on the log beside its writer."""

    def start(self) -> None:
        """Starts it."""

    def close(self) -> None:
        """Ends it after what is under way."""


MakesLoop = Callable[[Callable[[], bool], EventMetrics], Loop]
"""From whether it is this process's turn, and what counts."""

_IDLE = Applied(0, 0, more=False)


class LocalSignals:
    """`SignalIntake` with all that stands behind it. Touches no file before `start`.

    Several processes may have one on the same log: all of them record, one of them computes (`Turn`).
    """

    def __init__(
        self,
        *,
        log: EventLog,
        writer: OnlineWriter,
        risk: RiskModel,
        limits: EventLimits,
        ledger: LedgerPlace,
        turn: Turn,
        clock: Callable[[], datetime],
        metrics: EventMetrics | None = None,
        beside: Sequence[MakesLoop] = (),
    ) -> None:
        """Wires it.

        Args:
            log: Keeps the events.
            writer: Takes the signals.
            risk: Scores profiles.
            limits: What is taken.
            ledger: Where the decision ledger is, which need not be there yet.
            turn: Says whether this process computes.
            clock: The time, UTC.
            metrics: Counts events; None counts nothing.
            beside: Make the loops that measure the log, remove old events, and rewrite it for erasures.
        """
        self._metrics = metrics or NullEventMetrics()
        self._visibility = Visibility(self._metrics)
        fresh = FreshlyTouched()
        self._log = log
        self._writer = writer
        self._turn = turn
        self._intake = LocalSignalIntake(log, clock=clock, limits=limits, fresh=fresh)
        self._processor = SignalProcessor(log, writer, risk, clock=clock, fresh=fresh)
        self._loop = ProcessorLoop(self._round, fresh)
        self._tail = LedgerTail(ledger, log=log, intake=self._intake, clock=clock)
        self._beside = [make(turn.held, self._metrics) for make in beside]

    def start(self) -> None:
        """Starts the loops."""
        self._loop.start()
        for each in self._beside:
            each.start()

    async def record(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """See `SignalIntake.record`."""
        answers = await self._intake.record(events, backfill=backfill)
        self._count(events, answers)
        return answers

    async def ready(self) -> bool:
        """See `SignalIntake.ready`."""
        return await self._intake.ready()

    async def close(self) -> None:
        """See `SignalIntake.close`. What is due stays due for the next process."""
        await asyncio.to_thread(self._loop.close)
        for each in self._beside:
            await asyncio.to_thread(each.close)
        await self._intake.close()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._tail.close()
        self._turn.give_up()
        self._writer.close()
        self._log.close()

    def _round(self) -> Applied:
        """Decisions first, so that they are in the same round: each waits for one beat of the loop, not for two."""
        if not self._turn.held():
            self._visibility.forget()
            return _IDLE
        behind = self._tail.step()
        begun_s = self._visibility.now_s()
        applied = self._processor.apply_due()
        if not applied.more:
            self._visibility.caught_up(begun_s)
        return dataclasses.replace(applied, more=applied.more or behind)

    def _count(self, events: Sequence[AccountEvent], answers: Sequence[RecordedEvent | RefusedEvent]) -> None:
        recorded = False
        for event, answer in zip(events, answers, strict=True):
            if isinstance(answer, RecordedEvent):
                recorded = True
                self._metrics.accepted(event.kind, answer.appended)
            else:
                self._metrics.refused(event.kind, answer.reason)
        if recorded:
            self._visibility.acknowledged()
