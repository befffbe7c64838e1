"""Account signals of decision records as columns: what policies could rely on, and null for all else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tidegate.data_quality.typed_values import FEATURE_TYPES, refuse_unfit
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import AccountSignals, FeatureScalar, Freshness, LookupStatus

_AT_ONCE = 5_000

_Names = tuple[str, ...]
_Rows = list[dict[str, FeatureScalar]]


@dataclass(frozen=True, slots=True)
class ServedValues:
    """What decisions on known accounts were made from.

    A decision records the signals that its policies read. What another policy reads is not unknown there: nobody asked.
    """

    tables: Sequence[pa.Table]
    """A row per decision, those with the same signals recorded in one table of just these, by full name. A value that
    was not FRESH is null: policies read it as unknown."""

    @property
    def decisions(self) -> int:
        """Rows of all tables."""
        return sum(table.num_rows for table in self.tables)

    def columns(self) -> Mapping[str, pa.ChunkedArray]:
        """By full name: the values of all decisions that recorded the signal. Columns differ in length."""
        chunks: dict[str, list[pa.Array]] = defaultdict(list)
        for table in self.tables:
            for name in table.column_names:
                chunks[name] += table[name].chunks
        return {name: pa.chunked_array(found, FEATURE_TYPES[name]) for name, found in sorted(chunks.items())}


def served_values(records: Iterable[DecisionRecord]) -> ServedValues:
    """The signals of decisions on accounts that the store knew; others have none, which says nothing about features.

    Signals that this release does not have are left out.

    Raises:
        WrongTypeError: A decision records a value of another type than the signal has.
    """
    waiting: dict[_Names, _Rows] = defaultdict(list)
    batches: dict[_Names, list[pa.RecordBatch]] = defaultdict(list)
    for record in records:
        account = record.inputs.account
        names = tuple(sorted(value.name for value in account.values if value.name in FEATURE_TYPES))
        if account.status is not LookupStatus.OK or not account.known or not names:
            continue
        rows = waiting[names]
        rows.append(_row(account, told=f"decision {record.decision_id}"))
        if len(rows) == _AT_ONCE:
            batches[names].append(_batch(names, rows))
            rows.clear()
    for names, rows in waiting.items():
        batches[names].append(_batch(names, rows))
    return ServedValues([pa.Table.from_batches(found) for found in batches.values()])


def _row(account: AccountSignals, *, told: str) -> dict[str, FeatureScalar]:
    row: dict[str, FeatureScalar] = {}
    for name, value, freshness, _ in account.values:
        if value is not None and freshness is Freshness.FRESH and (wanted := FEATURE_TYPES.get(name)) is not None:
            refuse_unfit(told, name, value, wanted)
            row[name] = value
    return row


def _batch(names: _Names, rows: _Rows) -> pa.RecordBatch:
    schema = pa.schema([pa.field(name, FEATURE_TYPES[name]) for name in names])
    return pa.RecordBatch.from_pylist(rows, schema=schema)
