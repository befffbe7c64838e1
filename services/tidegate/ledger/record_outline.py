"""What a follower of the ledger needs of a record, read without making the record: a quarter of the time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from tidegate.ledger.record_format import FORMAT, RecordFormatError
from tidegate.moderation.decision import Action


@dataclass(frozen=True, slots=True)
class RecordOutline:
    """The fields of a `DecisionRecord` that say who, when and what."""

    decision_id: str
    """As in the record."""
    account_id: str
    """As in the record."""
    decided_at: datetime
    """As in the record."""
    action: Action
    """As in the record."""
    part_digests: tuple[str, ...]
    """`sha256` of each part, in their order."""


def outline(payload: bytes) -> RecordOutline:
    """What `record_format.decode` says of these fields.

    Raises:
        RecordFormatError: Not a record, or in a format that this version does not know. What else is wrong with a
            record is not noticed here.
    """
    try:
        document: Any = orjson.loads(payload)
        version = document["format"]
        if version != FORMAT:
            raise RecordFormatError(f"record format {version!r} is not known to this version of Tidegate")
        return RecordOutline(
            decision_id=document["decision_id"],
            account_id=document["account_id"],
            decided_at=datetime.fromisoformat(document["decided_at"]),
            action=Action(document["action"]),
            part_digests=tuple(part["sha256"] for part in document["inputs"]["parts"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise RecordFormatError(f"not a decision record: {type(cause).__name__} {cause}") from cause
