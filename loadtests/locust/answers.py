"""What an answer or an error comes to, as the outcome of a sample."""

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from loadtests.locust.sample import SHED
from tidegate.api.moderation.v1 import decision_pb2

_DETAILS = "grpc-status-details-bin"
_EXHAUSTED = 8
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


def of_decision(decision: decision_pb2.Decision) -> str:
    """COMPLETE, PARTIAL or FAILED."""
    return decision_pb2.Completeness.Name(decision.completeness).removeprefix("COMPLETENESS_")


def of_status(status: status_pb2.Status) -> str:
    """SHED for RESOURCE_EXHAUSTED with a retry hint, else the name of the code."""
    if status.code == _EXHAUSTED and any(each.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for each in status.details):
        return SHED
    return _CODES.get(status.code, "UNKNOWN")


def of_error(error: grpc.RpcError) -> str:
    """The same, of a call that failed."""
    code = error.code()
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        metadata: Any = error.trailing_metadata() or ()  # pairs, whatever the stubs say
        for key, value in metadata:
            if key == _DETAILS:
                return of_status(status_pb2.Status.FromString(value))
    return str(code.name)
