"""Errors of the service as callers of the client get them."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

STATUS_DETAILS_KEY = "grpc-status-details-bin"

_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class WrongField:
    """One field that the service refused."""

    field: str
    """Its path in the request."""
    description: str
    """What is wrong and what is allowed."""


class ModerationError(Exception):
    """The service gave no decision."""

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
        return cls(_CODES[status.code], status.message, reason=reason, fields=fields)

    @classmethod
    def from_rpc(cls, error: grpc.RpcError) -> "ModerationError":
        """From a failed call."""
        metadata: Any = error.trailing_metadata() or ()  # pairs, whatever the stubs call them
        for key, value in metadata:
            if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
                return cls.from_status(status_pb2.Status.FromString(value))
        return cls(error.code(), error.details() or "no details")
