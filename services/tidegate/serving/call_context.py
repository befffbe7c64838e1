"""What servicers need of a call beside its message: who asked, until when, and how it ends without an answer."""

from collections.abc import Iterable
from typing import Protocol

import grpc
from google.rpc import status_pb2

STATUS_DETAILS_KEY = "grpc-status-details-bin"
"""Where gRPC carries `google.rpc.Status` (gRPC's richer error model)."""
CODES = {code.value[0]: code for code in grpc.StatusCode}
"""gRPC's codes by number."""


class CallContext(Protocol):
    """The part of a gRPC context that Serve's and grpc.aio's share."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """The caller's metadata."""

    def set_code(self, code: grpc.StatusCode) -> None:
        """Sets the status code."""

    def set_details(self, details: str) -> None:
        """Sets the status message."""

    def set_trailing_metadata(self, trailing_metadata: list[tuple[str, bytes]]) -> None:
        """Sets trailing metadata."""


def traceparent_of(context: CallContext) -> str:
    """The caller's `traceparent` as it came; empty if it sent none."""
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and isinstance(value, str):
            return value
    return ""


def left_s(context: CallContext) -> float | None:
    """Seconds until the caller's deadline; None if it set none, or the context, as Serve's own, does not tell."""
    remaining = getattr(context, "time_remaining", None)
    return None if remaining is None else remaining()


def refuse(context: CallContext, status: status_pb2.Status) -> None:
    """Ends a call with this status; the caller of it returns an empty message."""
    context.set_code(CODES[status.code])
    context.set_details(status.message)
    context.set_trailing_metadata([(STATUS_DETAILS_KEY, status.SerializeToString())])
