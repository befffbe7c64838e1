"""Rows of a training set: one decision with what was known before it and what people said of it after."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tidegate.features.history import history_schema
from tidegate.features.transforms.account_signals import COMPUTED_VIEWS
from tidegate.moderation.decision import DecisionRecord
from tidegate.training_sets.as_of import FEATURES, before, values_as_of
from tidegate.training_sets.labels import REVIEW, Label, labels_of

_SCORE = pa.struct(
    [
        pa.field("detector", pa.string()),
        pa.field("version", pa.string()),
        pa.field("part", pa.string()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("shadow", pa.bool_()),
    ]
)
_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {f"{view.name}__{field.name}": field.type for view in COMPUTED_VIEWS for field in history_schema(view)}

TRAINING_SCHEMA = pa.schema(
    [
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("account", pa.string(), nullable=False),
        pa.field("decided_at", _TIME, nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("policy_id", pa.string(), nullable=False),
        pa.field("policy_version", pa.int64(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("completeness", pa.string(), nullable=False),
        pa.field("content_sha256", pa.list_(pa.string()), nullable=False),
        pa.field("scores", pa.list_(_SCORE), nullable=False),
        pa.field("account_known", pa.bool_(), nullable=False),
        *(pa.field(name, _TYPES[name]) for name in FEATURES),
        pa.field("final_action", pa.string()),
        pa.field("overturned", pa.bool_()),
        pa.field("label_source", pa.string()),
        pa.field("label_time", _TIME),
    ]
)
"""Columns of a training set. `account` is a keyed digest unless ids were asked for; `account_known` is false where the
log had no event of the account before the decision, and then every feature is null. The README says what each means."""

Naming = Callable[[str], str]
"""From an account id to what stands in column `account`."""


def pseudonyms(key: bytes) -> Naming:
    """Keyed digests (HMAC-SHA256, first 128 bits, hex): equal accounts stay equal, none can be told without the key."""
    return lambda account_id: hmac.digest(key, account_id.encode(), "sha256")[:16].hex()


def training_rows(records: Sequence[DecisionRecord], events: pa.Table, *, name: Naming) -> pa.Table:
    """Rows in `TRAINING_SCHEMA`, in the order of the records.

    Features are as of the microsecond before the decision and from what the log had recorded by then. So nothing later
    gets in, the decision's own DECISION event included, which occurs at the very instant of the decision.

    Args:
        records: Decisions.
        events: All events of their accounts in `EVENT_SCHEMA`, later ones too: labels come from them.
        name: What to call an account.
    """
    instants = [before(record) for record in records]
    values, labels = values_as_of(events, instants), labels_of(events)
    rows = [
        {
            **_decided(record, name),
            "account_known": instant in values,
            **values.get(instant, {}),
            **_labelled(record, labels.get((record.account_id, record.decision_id))),
        }
        for record, instant in zip(records, instants, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=TRAINING_SCHEMA)


def _decided(record: DecisionRecord, name: Naming) -> Mapping[str, Any]:
    inputs = record.inputs
    return {
        "decision_id": record.decision_id,
        "account": name(record.account_id),
        "decided_at": record.decided_at,
        "surface": inputs.surface.value,
        "market": inputs.market,
        "language": inputs.language,
        "policy_id": record.policy.id,
        "policy_version": record.policy.version,
        "action": record.action.value,
        "completeness": record.completeness.value,
        "content_sha256": [part.sha256 for part in inputs.parts],
        "scores": [
            {
                "detector": run.name,
                "version": run.version,
                "part": run.part,
                "label": label,
                "score": score,
                "shadow": run.shadow,
            }
            for run in inputs.detectors
            for label, score in run.scores.items()
        ],
    }


def _labelled(record: DecisionRecord, label: Label | None) -> Mapping[str, Any]:
    if label is None or label.time <= record.decided_at:
        return {}
    return {
        "final_action": label.action,
        "overturned": label.action != record.action.value,
        "label_source": REVIEW,
        "label_time": label.time,
    }
