"""The account's signals, by one `get_online_features` of Feast: as Feast's own documentation reads them.

It asks for the features that the policies name, and of each view for its row's promise (`valid_until`), so that a value
that is out of date is not taken for a fresh one: Feast itself does not look.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feast import FeatureStore

from tidegate.features.refs import ACCOUNT_SIGNALS_V2, JOIN_KEY, VALID_UNTIL
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.policy.engine import CompiledPolicy

AHEAD_S = 300.0
"""How far ahead of our clock an event time may be."""
PROMISE_GRACE_S = 120.0
"""How long after the end of its promise a row still counts."""


@dataclass(frozen=True, slots=True)
class AccountRead:
    """One account."""

    signals: AccountSignals
    """What policies see."""
    stale: bool
    """Whether a row that holds any value is out of date."""


class AccountReader:
    """Reads one account at a time. Blocking."""

    def __init__(self, repository: Path, *, features: Collection[str], everything: bool) -> None:
        """Opens the feature repository.

        Args:
            repository: Directory with `feature_store.yaml`.
            features: Full names (`view__feature`) of what the policies read.
            everything: Reads the whole feature service instead.
        """
        self._store = FeatureStore(repo_path=str(repository.resolve()))
        every = [f"{ref.view.name}__{ref.feature.name}" for ref in ACCOUNT_SIGNALS_V2.refs()]
        self._names = every if everything else sorted(features)
        views = ACCOUNT_SIGNALS_V2.views
        self._ttl_s = {view.name: view.ttl.total_seconds() for view in views}
        wanted = [*self._names, *(f"{view.name}__{VALID_UNTIL}" for view in views)]
        self._references = [name.replace("__", ":", 1) for name in wanted]

    def read(self, account_id: str) -> AccountRead:
        """The account's signals. Raises what Feast and the store's driver raise."""
        found: Any = self._store.get_online_features(
            features=self._references, entity_rows=[{JOIN_KEY: account_id}], full_feature_names=True
        ).proto
        columns = dict(zip(found.metadata.feature_names.val, found.results, strict=True))
        now_s = time.time()
        event_s, fresh = {}, {}
        for view, ttl_s in self._ttl_s.items():
            column = columns[f"{view}__{VALID_UNTIL}"]
            at_s = column.event_timestamps[0].seconds
            event_s[view] = at_s
            promise = column.values[0]
            promise_s = promise.int64_val / 1e6 if promise.WhichOneof("val") else None
            kept = promise_s is None or now_s - PROMISE_GRACE_S <= promise_s
            fresh[view] = -AHEAD_S <= now_s - at_s <= ttl_s and kept
        values = [_value(name, columns[name], event_s, fresh) for name in self._names]
        signals = AccountSignals(LookupStatus.OK, known=any(event_s.values()), values=tuple(values))
        return AccountRead(signals, stale=any(event_s[view] and not fresh[view] for view in fresh))


def _value(name: str, column: Any, event_s: dict[str, int], fresh: dict[str, bool]) -> FeatureValue:
    view = name.partition("__")[0]
    value = column.values[0]
    kind = value.WhichOneof("val")
    if kind is None or not event_s[view]:
        return FeatureValue(name, None, Freshness.MISSING, None)
    at = datetime.fromtimestamp(event_s[view], tz=UTC)
    return FeatureValue(name, getattr(value, kind), Freshness.FRESH if fresh[view] else Freshness.STALE, at)


def policy_features(policies: Iterable[CompiledPolicy]) -> frozenset[str]:
    """Full names of the features that any of these policies reads."""
    return frozenset[str]().union(*(policy.features for policy in policies))
