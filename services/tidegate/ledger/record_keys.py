"""What a record is found by: the few fields that every adapter stores beside the record's bytes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tidegate.moderation.decision import DecisionRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Since 1970, exact (a float timestamp is not)."""
    return (moment - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class RecordKeys:
    """The stored columns. `verify` compares them with the record, since the hash covers only its bytes."""

    decision_id: str
    """As in the record."""
    idempotency_key: str
    """As in the record; empty if none."""
    fingerprint: str
    """As in the record."""
    decided_at_us: int
    """Microseconds since 1970."""

    @classmethod
    def of(cls, record: DecisionRecord) -> "RecordKeys":
        """The keys of a record."""
        return cls(record.decision_id, record.idempotency_key, record.fingerprint, microseconds(record.decided_at))
