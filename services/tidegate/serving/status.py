"""Errors to gRPC statuses: the one table from `Reason`, and the details that callers can act on."""

import random

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2

from tidegate.moderation.errors import InvalidRequest, Overloaded, Reason, TidegateError

ERROR_DOMAIN = "tidegate"
INTERNAL_MESSAGE = "internal error; the trace id in the details names it in our logs"

CODE_BY_REASON: dict[Reason, int] = {
    Reason.INVALID_REQUEST: code_pb2.INVALID_ARGUMENT,
    Reason.MESSAGE_TOO_LARGE: code_pb2.RESOURCE_EXHAUSTED,
    Reason.IDEMPOTENCY_KEY_REUSED: code_pb2.ALREADY_EXISTS,
    Reason.DECISION_NOT_FOUND: code_pb2.NOT_FOUND,
    Reason.LEDGER_UNAVAILABLE: code_pb2.UNAVAILABLE,
    Reason.BANK_NOT_FOUND: code_pb2.NOT_FOUND,
    Reason.BANK_EXISTS: code_pb2.ALREADY_EXISTS,
    Reason.BANK_ENTRY_EXISTS: code_pb2.ALREADY_EXISTS,
    Reason.BANKS_UNAVAILABLE: code_pb2.UNAVAILABLE,
    Reason.EVENT_LOG_UNAVAILABLE: code_pb2.UNAVAILABLE,
    Reason.OVERLOADED: code_pb2.RESOURCE_EXHAUSTED,
    Reason.ROUTER_STOPPING: code_pb2.UNAVAILABLE,
}
"""Exhaustive; `tests/serving/test_status.py` holds it so."""

_RETRY_AFTER_S = {Reason.LEDGER_UNAVAILABLE: 1.0, Reason.BANKS_UNAVAILABLE: 1.0, Reason.EVENT_LOG_UNAVAILABLE: 1.0}


def status_of(error: TidegateError) -> status_pb2.Status:
    """The status that callers see, with ErrorInfo, and BadRequest or RetryInfo where they apply."""
    details = [error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN)]
    status = status_pb2.Status(code=CODE_BY_REASON[error.reason], message=error.message)
    status.details.extend(_packed(detail) for detail in details)
    if isinstance(error, InvalidRequest):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=wrong.field, description=wrong.description)
            for wrong in error.fields
        ]
        status.details.append(_packed(error_details_pb2.BadRequest(field_violations=violations)))
    retry_after_s = _retry_after_s(error)
    if retry_after_s:
        delay = Duration()
        delay.FromMilliseconds(round(retry_after_s * 1000.0))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status


def _retry_after_s(error: TidegateError) -> float:
    if isinstance(error, Overloaded):  # callers that were refused together shall not come back together
        return error.retry_after_s * random.uniform(1.0, 2.0)  # noqa: S311 - not a secret
    return _RETRY_AFTER_S.get(error.reason, 0.0)


def internal_status(trace_id: str) -> status_pb2.Status:
    """The fixed answer to anything unexpected. What happened stays in the log, under the same trace id."""
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=ERROR_DOMAIN, metadata={"trace_id": trace_id})
    status = status_pb2.Status(code=code_pb2.INTERNAL, message=INTERNAL_MESSAGE)
    status.details.append(_packed(info))
    return status


def _packed(
    detail: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
