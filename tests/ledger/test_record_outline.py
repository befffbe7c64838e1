"""An outline says what the whole record says, and is refused where the record is."""

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from tests.ledger.sample_records import records, sample_record
from tidegate.ledger.record_format import FORMAT, RecordFormatError, decode, encode
from tidegate.ledger.record_outline import RecordOutline, outline
from tidegate.moderation.decision import DecisionRecord


@hypothesis_settings(max_examples=50, deadline=None)
@given(records)
def test_an_outline_reads_what_the_whole_record_reads(record: DecisionRecord) -> None:
    payload = encode(record)
    whole = decode(payload)
    told = outline(payload)
    assert told == RecordOutline(
        decision_id=whole.decision_id,
        account_id=whole.account_id,
        decided_at=whole.decided_at,
        action=whole.action,
        part_digests=tuple(part.sha256 for part in whole.inputs.parts),
    )
    assert told.decided_at.utcoffset() == whole.decided_at.utcoffset()


@pytest.mark.parametrize("version", [0, FORMAT + 1, None, "1"])
def test_a_format_that_is_not_known_is_refused(version: object) -> None:
    document = orjson.loads(encode(sample_record()))
    with pytest.raises(RecordFormatError, match="not known"):
        outline(orjson.dumps({**document, "format": version}))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"null", b"nonsense", b'{"format":1}'])
def test_what_is_no_record_is_refused(payload: bytes) -> None:
    with pytest.raises(RecordFormatError):
        outline(payload)


def test_an_action_that_there_is_not_is_refused() -> None:
    document = orjson.loads(encode(sample_record()))
    with pytest.raises(RecordFormatError):
        outline(orjson.dumps({**document, "action": "PRAISE"}))
