"""What the load generator needs of an answer, at little cost: whose it is, and whether anything is missing in it."""

from dataclasses import dataclass

from tidegate.api.moderation.v1 import decision_pb2

_CORRELATION_ID = b"\x0a"
_DECISION = 0x12
_ANSWERED = {
    decision_pb2.DETECTOR_STATUS_OK,
    decision_pb2.DETECTOR_STATUS_NO_CONTENT,
    decision_pb2.DETECTOR_STATUS_UNSUPPORTED_LANGUAGE,
}
_LONGEST_ID = 127


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """One message of a stream."""

    correlation_id: bytes
    """Whose answer it is."""
    decision: bytes | None
    """The message itself, if it holds a decision; None if it holds an error."""


def streamed_answer(message: bytes) -> StreamedAnswer:
    """Reads the first two tags of an encoded ModerateStreamResponse; protobuf writes fields in the order of numbers.

    Raises:
        ValueError: It does not begin with a correlation id of at most 127 bytes.
    """
    if message[:1] != _CORRELATION_ID or message[1] > _LONGEST_ID:
        raise ValueError("an answer without a correlation id")
    end = 2 + message[1]
    decided = len(message) > end and message[end] == _DECISION
    return StreamedAnswer(message[2:end], message if decided else None)


def is_thin(decision: decision_pb2.Decision) -> bool:
    """Whether a detector or the lookup had no answer: a decision that is quick at the cost of what it is made from."""
    answered = all(run.status in _ANSWERED for run in decision.detectors) and bool(decision.detectors)
    return not answered or decision.account_lookup != decision_pb2.LOOKUP_STATUS_OK
