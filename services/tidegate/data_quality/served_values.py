"""Account signals of decision records as columns: what policies could rely on, and null for all else."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from tidegate.data_quality.counting import ARROW_TYPES
from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import FeatureScalar, Freshness, LookupStatus

SERVED_SCHEMA = pa.schema(
    [pa.field(name, ARROW_TYPES[ref.feature.kind]) for name, ref in sorted(ACCOUNT_FEATURES.items())]
)
"""A row per decision. A value that was not FRESH is null: policies read it as unknown."""
_AT_ONCE = 5_000


def served_values(records: Iterable[DecisionRecord]) -> pa.Table:
    """The signals of decisions on accounts that the store knew; others have none, which says nothing about features."""
    batches = list(_batches(records))
    return pa.Table.from_batches(batches, schema=SERVED_SCHEMA)


def _batches(records: Iterable[DecisionRecord]) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, FeatureScalar]] = []
    for record in records:
        account = record.inputs.account
        if account.status is not LookupStatus.OK or not account.known:
            continue
        rows.append(
            {
                value.name: value.value
                for value in account.values
                if value.value is not None and value.freshness is Freshness.FRESH
            }
        )
        if len(rows) == _AT_ONCE:
            yield pa.RecordBatch.from_pylist(rows, schema=SERVED_SCHEMA)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=SERVED_SCHEMA)
