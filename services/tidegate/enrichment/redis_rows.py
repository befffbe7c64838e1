"""Rows of Feast's Redis online store in one round trip, for all views and a whole batch.

Feast 0.67 keeps all views of an entity in one hash per project: field `_ts:VIEW` holds a view's event time, and a field
named by Feast's hash of `VIEW:FEATURE` each value (`feast/infra/online_stores/redis.py`). So one HMGET answers for an
account. Feast's own `online_read` takes a round trip for each view.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from feast import RepoConfig
from feast.infra.online_stores.helpers import _mmh3, compute_versioned_name
from redis import Redis, RedisCluster

from tidegate.enrichment.freshness import StoredRow, stored_row
from tidegate.enrichment.row_source import AppliedView
from tidegate.enrichment.value_encoding import event_time, scalars
from tidegate.features.entity_keys import EntityKeys
from tidegate.features.redis_wire import bulk, exchange, start

Reply = list[bytes | None]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a view's fields stand in a reply: its event time, then its values."""

    view: AppliedView
    names: tuple[str, ...]
    start: int
    stop: int
    absent: StoredRow

    def row(self, reply: Reply) -> StoredRow:
        moment = event_time(reply[self.start])
        if moment is None:
            return self.absent
        values = dict(zip(self.names, scalars(reply[self.start + 1 : self.stop]), strict=True))
        return stored_row(self.view.view, ttl=self.view.ttl, event_time=moment, values=values)


class RedisRows:
    """Reads with one HMGET per account, all in one pipeline; says to `RedisStream` what to ask and what it means."""

    def __init__(self, client: "Redis | RedisCluster", config: RepoConfig, views: Sequence[AppliedView]) -> None:
        """Works out what to ask for; connects to nothing.

        Args:
            client: Feast's own, whose retries and timeouts are set; not closed here.
            config: Feast's configuration of the repository.
            views: What to read.

        Raises:
            KeyEncodingError: See `EntityKeys`.
        """
        self._client = client
        self._keys = EntityKeys(config.entity_key_serialization_version)
        self._project = config.project.encode()
        fields: list[bytes] = []
        columns: list[_Columns] = []
        for each in views:
            name = compute_versioned_name(each.applied, config.registry.enable_online_feature_view_versioning)
            names = tuple(feature.name for feature in each.view.stored())
            first = len(fields)
            fields += [f"_ts:{name}".encode(), *(_mmh3(f"{name}:{feature}") for feature in names)]
            absent = stored_row(each.view, ttl=each.ttl, event_time=None, values={})
            columns.append(_Columns(view=each, names=names, start=first, stop=len(fields), absent=absent))
        self._fields = fields
        self._columns = tuple(columns)
        # The fields are the same in every command: encoding them once instead of per account halves a batch's time.
        self._before_key = start(b"HMGET", len(fields) + 1)
        self._after_key = b"".join(map(bulk, fields))

    def read(self, account_ids: Sequence[str]) -> list[tuple[StoredRow, ...]]:
        """See `RowSource`."""
        if isinstance(self._client, RedisCluster):
            return self.rows(self._ask_cluster([self._key(account_id) for account_id in account_ids]))
        return self.rows(exchange(self._client, self.command(account_ids), len(account_ids)))

    def command(self, account_ids: Sequence[str]) -> bytes:
        """One HMGET per account, as sent to a single server; each has one reply."""
        return b"".join([self._before_key + bulk(self._key(each)) + self._after_key for each in account_ids])

    def rows(self, replies: Iterable[Reply]) -> list[tuple[StoredRow, ...]]:
        """What the replies mean, one tuple each."""
        return [tuple([columns.row(reply) for columns in self._columns]) for reply in replies]

    def _key(self, account_id: str) -> bytes:
        return self._keys.key(account_id) + self._project

    def _ask_cluster(self, keys: Sequence[bytes]) -> list[Reply]:
        # The client knows which node holds which key, and asks the nodes at the same time.
        pipeline: Any  # its type wants `str` for what is sent as bytes
        with self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hmget(key, self._fields)
            replies: list[Reply] = pipeline.execute()
        return replies
