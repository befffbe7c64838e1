"""Account signals where there is no online store: every account is unknown."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tidegate.enrichment.freshness import StoredRow, signals_of
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.feature import Service
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.moderation.signals import AccountSignals


class NullAccountFeatures:
    """Answers that nothing is known of any account: no outage, every value MISSING."""

    def __init__(self, service: Service = ACCOUNT_SIGNALS_V2) -> None:
        rows = [StoredRow(view=view, ttl=view.ttl, event_time=None, values={}) for view in service.views]
        self._unknown = signals_of(rows, now=datetime.now(tz=UTC))

    async def lookup(self, batch: Sequence[SignalsRequest]) -> Sequence[AccountSignals]:
        """See `AccountFeatures`."""
        return [self._unknown] * len(batch)

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to close."""
