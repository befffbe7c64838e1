"""Asks a server over KServe v2 gRPC whether it and its models are ready.

The two messages are written by hand: they are two string fields and one boolean, and the generated modules of
`tritonclient` register protobuf names that collide with those of other packages.
Source: KServe v2 `grpc_predict_v2.proto`.
"""

from collections.abc import Iterable
from typing import Final

import grpc

_SERVICE: Final = "/inference.GRPCInferenceService/"
_TRUE: Final = b"\x08\x01"
_LONGEST_NAME: Final = 127


class ReadinessProbe:
    """A channel to one server, for readiness only."""

    def __init__(self, address: str, *, timeout_s: float = 2.0) -> None:
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 500)]
        self._channel = grpc.insecure_channel(address, options=options)
        self._timeout_s = timeout_s

    def live(self) -> bool:
        """True if the server answers that it is live."""
        return self._ask("ServerLive", b"")

    def ready(self, models: Iterable[tuple[str, str]]) -> bool:
        """True if the server and each (name, version) are ready."""
        return self._ask("ServerReady", b"") and all(
            self._ask("ModelReady", _string(1, name) + _string(2, version)) for name, version in models
        )

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _ask(self, method: str, request: bytes) -> bool:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(_SERVICE + method)
        try:
            return bool(call(request, timeout=self._timeout_s) == _TRUE)
        except grpc.RpcError:
            return False


def _string(field: int, value: str) -> bytes:
    encoded = value.encode()
    if len(encoded) > _LONGEST_NAME:
        raise ValueError("model names are shorter than 128 bytes")
    return bytes([field << 3 | 2, len(encoded)]) + encoded
