"""Errors of the service as callers of the client get them."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

STATUS_DETAILS_KEY = "grpc-status-details-bin"
"""Where gRPC carries `google.rpc.Status` (gRPC's richer error model)."""

_WRITE_FAILED = "Internal error from Core"
"""What grpcio's asyncio stack (1.85) says of a call that ended while it wrote a message, whatever ended it."""
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class WrongField:
    """One field that was refused."""

    field: str
    """Its path in the request ("item.parts[2].text.text")."""
    description: str
    """What is wrong and what is allowed."""


class ModerationError(Exception):
    """There is no decision, and why."""

    def __init__(
        self, code: grpc.StatusCode, message: str, *, reason: str = "", fields: tuple[WrongField, ...] = ()
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        """The gRPC status."""
        self.message = message
        """What the service said."""
        self.reason = reason
        """The machine-readable reason, from google.rpc.ErrorInfo; empty if the service did not answer itself."""
        self.fields = fields
        """The wrong fields, from google.rpc.BadRequest."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Survives the way between processes: an exception is pickled by its `args`, which ours are not made from."""
        return _rebuilt, (self.code.name, self.message, self.reason, self.fields)

    @classmethod
    def from_status(cls, status: status_pb2.Status) -> "ModerationError":
        """From the richer error model."""
        reason = ""
        fields: tuple[WrongField, ...] = ()
        for detail in status.details:
            info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(bad):
                fields = tuple(WrongField(each.field, each.description) for each in bad.field_violations)
        code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
        return cls(code, status.message or "no details", reason=reason, fields=fields)

    @classmethod
    def from_rpc(cls, error: grpc.RpcError) -> "ModerationError":
        """From a failed call. A proxy between may have answered, so the details need not be ours."""
        details = error.details() or "no details"
        if _connection_broke(error.code(), details):
            return cls(grpc.StatusCode.UNAVAILABLE, f"the connection broke: {details}")
        metadata: Any = error.trailing_metadata() or ()  # pairs, whatever the stubs call them
        for key, value in metadata:
            if key != STATUS_DETAILS_KEY or not isinstance(value, bytes):
                continue
            try:
                return cls.from_status(status_pb2.Status.FromString(value))
            except DecodeError:
                break
        return cls(error.code(), details)

    @classmethod
    def invalid(cls, *fields: WrongField) -> "ModerationError":
        """An item that can't be put into a message: refused here in the words in which the service refuses."""
        message = "; ".join(f"{wrong.field}: {wrong.description}" for wrong in fields)
        return cls(grpc.StatusCode.INVALID_ARGUMENT, message, reason="INVALID_REQUEST", fields=fields)


def write_failed(error: grpc.RpcError) -> bool:
    """Whether the status with which the service ended the call was lost, because a message was being written then."""
    return error.code() is grpc.StatusCode.INTERNAL and error.details() == _WRITE_FAILED


def _connection_broke(code: grpc.StatusCode, details: str) -> bool:
    """Whether the status is gRPC's own reading of a stream that was reset, and not the service's answer.

    A router killed behind HAProxy is CANCELLED, "Received RST_STREAM with error code 8"; a message written just then
    is INTERNAL, "Internal error from Core" (grpcio 1.85). Both mean what UNAVAILABLE means.
    """
    if code not in {grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL}:
        return False
    return "RST_STREAM" in details or details == _WRITE_FAILED


def _rebuilt(code: str, message: str, reason: str, fields: tuple[WrongField, ...]) -> ModerationError:
    return ModerationError(grpc.StatusCode[code], message, reason=reason, fields=fields)
