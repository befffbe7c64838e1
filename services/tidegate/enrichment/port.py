"""The port to account signals, as the pipeline needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.moderation.signals import AccountSignals
from tidegate.moderation.tracing import TraceContext


@dataclass(frozen=True, slots=True)
class SignalsRequest:
    """One account to look up, as it travels to the lookup stage."""

    account_id: str
    """Entity key."""
    budget_ms: float
    """What is left at sending."""
    trace: TraceContext
    """The span to be the parent."""


class AccountFeatures(Protocol):
    """Reads account signals in batches. Stands in the gather step, beside the detectors."""

    async def lookup(self, batch: Sequence[SignalsRequest]) -> Sequence[AccountSignals]:
        """One answer per request, in order.

        An outage is data: a store that fails or is late answers with that status. Never raises for one.
        """
        ...

    async def ready(self) -> bool:
        """True if the online store answers."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...
