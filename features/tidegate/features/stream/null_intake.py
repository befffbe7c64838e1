"""Where no events are kept: whoever sends one is told that it was not recorded."""

from collections.abc import Sequence

from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent


class NoSignalIntake:
    """`SignalIntake` that takes nothing."""

    async def record(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        """See `SignalIntake.record`. Always raises EventLogUnavailableError."""
        del events, backfill
        raise EventLogUnavailableError("no event log is in use")

    async def ready(self) -> bool:
        """Always: there is nothing to wait for."""
        return True

    async def close(self) -> None:
        """Nothing to close."""
