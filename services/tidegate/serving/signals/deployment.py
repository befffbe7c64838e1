"""The body of the Serve deployment that keeps account signals up to date. `app` makes a deployment of it."""

from collections.abc import Sequence
from typing import Any

from tidegate.features.events.event import AccountEvent
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.serving import composition
from tidegate.serving.collecting import collect_rarely
from tidegate.serving.measuring import measuring
from tidegate.serving.priority import give_way
from tidegate.serving.replica_logs import log_as_replica
from tidegate.serving.settings import Settings
from tidegate.telemetry.metrics import meter_of
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import OtelEventMetrics
from tidegate.telemetry.otel_pressure import ongoing_calls


class AccountSignals:
    """Events of accounts in, their signals into the online store: a deployment of its own, with one replica.

    One, since the event log has one writer at a time. During an update two may live for a moment: both record, one of
    them computes (`features.stream.turn`).
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        log_as_replica()
        collect_rarely()
        give_way()
        chosen = Settings.from_payload(settings)
        self._measuring = measuring(chosen, service=ServiceName.SIGNALS)
        made = meter_of(self._measuring)
        self._ongoing = ongoing_calls(made)
        self._signals = composition.account_signals(chosen, OtelEventMetrics(made))

    async def record(
        self,
        events: Sequence[AccountEvent],
        backfill: bool = False,  # noqa: FBT001, FBT002 - as it travels over a handle
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """See `SignalIntake.record`."""
        with self._ongoing:
            return await self._signals.record(events, backfill=backfill)

    async def ready(self) -> bool:
        """See `SignalIntake.ready`."""
        return await self._signals.ready()

    async def __del__(self) -> None:  # Serve awaits it when it stops a replica
        """Writes out what was accepted, stops the threads, sends the last counts."""
        await self._signals.close()
        self._measuring.shutdown()
