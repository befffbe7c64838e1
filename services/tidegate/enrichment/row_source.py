"""The port to one kind of online store: rows of a feature service in as few statements as the store allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from feast import FeatureView

from tidegate.enrichment.freshness import StoredRow
from tidegate.features.feature import View


@dataclass(frozen=True, slots=True)
class AppliedView:
    """A view as declared here and as applied to the store."""

    view: View
    """As this release declares it."""
    applied: FeatureView
    """As the registry holds it."""

    @property
    def ttl(self) -> timedelta:
        """As applied; zero means that values never become stale."""
        return self.applied.ttl or timedelta()


class RowSource(Protocol):
    """Blocking reads of one open online store. Safe to call from several threads."""

    def read(self, account_ids: Sequence[str]) -> list[tuple[StoredRow, ...]]:
        """One tuple per account, in order, with one row per view, in the service's order.

        Raises:
            Exception: Whatever the store's driver raises when the store can't be read.
        """
        ...
