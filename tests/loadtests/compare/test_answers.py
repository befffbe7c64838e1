import pytest
from google.rpc import status_pb2

from loadtests.compare.answers import is_thin, streamed_answer
from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb


def decided(
    status: "decision_pb2.DetectorStatus.ValueType", lookup: "decision_pb2.LookupStatus.ValueType"
) -> decision_pb2.Decision:
    return decision_pb2.Decision(detectors=[decision_pb2.DetectorRun(status=status)], account_lookup=lookup)


def test_a_decision_is_told_from_an_error_without_decoding_it() -> None:
    decision = pb.ModerateStreamResponse(correlation_id="17", decision=decision_pb2.Decision(decision_id="d"))
    raw = decision.SerializeToString()
    assert streamed_answer(raw).correlation_id == b"17"
    assert streamed_answer(raw).decision == raw
    error = pb.ModerateStreamResponse(correlation_id="18", error=status_pb2.Status(code=8))
    assert streamed_answer(error.SerializeToString()).correlation_id == b"18"
    assert streamed_answer(error.SerializeToString()).decision is None


@pytest.mark.parametrize("message", [pb.ModerateStreamResponse(), pb.ModerateStreamResponse(correlation_id="x" * 128)])
def test_an_answer_to_nobody_is_refused(message: pb.ModerateStreamResponse) -> None:
    with pytest.raises(ValueError, match="correlation id"):
        streamed_answer(message.SerializeToString())


def test_an_answer_that_left_something_out_is_thin() -> None:
    ok, found = decision_pb2.DETECTOR_STATUS_OK, decision_pb2.LOOKUP_STATUS_OK
    assert not is_thin(decided(ok, found))
    assert not is_thin(decided(decision_pb2.DETECTOR_STATUS_UNSUPPORTED_LANGUAGE, found))
    assert is_thin(decided(decision_pb2.DETECTOR_STATUS_TIMED_OUT, found))
    assert is_thin(decided(ok, decision_pb2.LOOKUP_STATUS_TIMED_OUT))
    assert is_thin(decision_pb2.Decision(account_lookup=found))
