"""Reads the details of a refused call."""

import grpc
from google.rpc import error_details_pb2, status_pb2


def status_of_call(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The `google.rpc.Status` of a failed call."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    raise AssertionError("the call carries no status details")


def wrong_fields(status: status_pb2.Status) -> dict[str, str]:
    """Wrong fields and their descriptions."""
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(bad):
            return {each.field: each.description for each in bad.field_violations}
    return {}


def reason(status: status_pb2.Status) -> str:
    """The reason in ErrorInfo."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""
