"""The table from reasons to statuses."""

import pytest
from google.rpc import code_pb2

from tests.serving.refusals import reason
from tidegate.moderation.errors import Reason, TidegateError
from tidegate.serving.status import CODE_BY_REASON, internal_status, status_of


def test_every_reason_has_a_status_and_none_is_ok_or_internal() -> None:
    assert set(CODE_BY_REASON) == set(Reason)
    assert not {code_pb2.OK, code_pb2.INTERNAL, code_pb2.UNKNOWN} & set(CODE_BY_REASON.values())


@pytest.mark.parametrize("each", list(Reason))
def test_a_status_carries_its_reason_for_machines(each: Reason) -> None:
    status = status_of(TidegateError(each, "words"))
    assert (status.code, status.message, reason(status)) == (CODE_BY_REASON[each], "words", each)


def test_internal_says_nothing_but_the_trace_id() -> None:
    status = internal_status("ab" * 16)
    assert status.code == code_pb2.INTERNAL
    assert "ab" * 16 in str(status)
