"""Rows from any other online store that Feast knows: read by Feast, view by view."""

from collections.abc import Sequence

from feast import FeatureStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.enrichment.freshness import StoredRow, stored_row
from tidegate.enrichment.row_source import AppliedView
from tidegate.enrichment.value_encoding import scalar
from tidegate.features.refs import JOIN_KEY


class ProviderRows:
    """Reads through `Provider.online_read`: slower, but right wherever Feast is. Also what tests hold the others to."""

    def __init__(self, store: FeatureStore, views: Sequence[AppliedView]) -> None:
        """Remembers what to read.

        Args:
            store: The opened repository; not closed here.
            views: What to read.
        """
        self._store = store
        self._views = tuple(views)

    def read(self, account_ids: Sequence[str]) -> list[tuple[StoredRow, ...]]:
        """See `RowSource`."""
        keys = [EntityKey(join_keys=[JOIN_KEY], entity_values=[Value(string_val=each)]) for each in account_ids]
        return list(zip(*(self._column(each, keys) for each in self._views), strict=True))

    def _column(self, each: AppliedView, keys: list[EntityKey]) -> list[StoredRow]:
        # A fresh list each time: Feast 0.67's Redis store appends its timestamp's key to the list that it is given.
        names = [feature.name for feature in each.view.stored()]
        stored = self._store.provider.online_read(self._store.config, each.applied, keys, names)
        return [
            stored_row(
                each.view,
                ttl=each.ttl,
                event_time=moment,
                values={name: scalar(value.SerializeToString()) for name, value in (values or {}).items()},
            )
            for moment, values in stored
        ]
