"""Feast's Redis online store, with newest wins across processes.

Feast 0.67 ignores rows that are not newer than what it holds, but reads those times first and writes afterwards: of two
processes the one with the older row may come last. So all who write hold one lock, a chunk at a time. Readers don't.
"""

from collections.abc import Sequence
from typing import Any

from feast import FeatureStore, FeatureView

from tidegate.features.feast_rows import FeastRow, key_bytes

LOCK = "tidegate:online-writer"
"""Key of the lock. A chunk holds it for some tens of milliseconds."""
LOCK_EXPIRES_S = 15.0
"""After which it falls to others if its holder was killed. Longer than a chunk takes, every socket timeout spent."""
LOCK_WAIT_S = 20.0
"""The longest wait for it."""


class RedisRows:
    """Rows in Redis: one hash per account, with the fields of all views."""

    def __init__(self, store: FeatureStore, *, client: Any) -> None:
        """Wires it to the store's own client, which is a cluster's where the configuration says so."""
        self._store = store
        self._client = client

    def write(self, view: FeatureView, rows: list[FeastRow]) -> None:
        """See `feast_writer.StoredRows`."""
        with self._alone():
            self._store.provider.online_write_batch(self._store.config, view, rows, None)

    def delete(self, views: Sequence[FeatureView], account_ids: Sequence[str]) -> int:
        """See `feast_writer.StoredRows`. The hash goes as a whole, with fields of views of earlier releases."""
        del views
        project = self._store.config.project.encode()
        with self._alone(), self._client.pipeline(transaction=False) as pipeline:
            for key in key_bytes(account_ids):
                pipeline.delete(key + project)
            return int(sum(pipeline.execute()))

    def _alone(self) -> Any:
        return self._client.lock(LOCK, timeout=LOCK_EXPIRES_S, blocking_timeout=LOCK_WAIT_S, sleep=0.005)
