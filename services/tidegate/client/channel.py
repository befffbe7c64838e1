"""How the clients connect, and how long a call may take."""

import json

import grpc

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The largest message that is sent or taken. The server's own limit is lower, and its refusal names the field."""
DEFAULT_BUDGET_MS = 1_000.0
"""Assumed when a call names no budget, for its deadline only."""
RECORDING_SLACK_S = 5.0
"""A call's deadline beyond its budget: the ledger's write and the retries are not part of the budget."""

OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.enable_retries", 0),  # ours are the only retries
    # gRPC's own pause between attempts to connect grows to 2 minutes, so a service that is back would go unnoticed.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
)
"""Round robin over all resolved addresses: one long-lived HTTP/2 connection would stick to one router.

No keepalive pings: a gRPC server's default is to take one in five minutes on a quiet stream. With one every 30 s the
connection was closed with too_many_pings after 150 s (grpcio 1.85). A unary call has its deadline, and a stream
notices by itself that no answer comes.
"""


def channel_to(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    """A channel for blocking code, over TLS if there are credentials; connects lazily."""
    if credentials is None:
        return grpc.insecure_channel(address, OPTIONS)
    return grpc.secure_channel(address, credentials, OPTIONS)


def deadline_s(budget_ms: float | None) -> float:
    """How long a call with this budget may take, retries included; for a stream, how long it may stay silent."""
    return (DEFAULT_BUDGET_MS if budget_ms is None else budget_ms) / 1000.0 + RECORDING_SLACK_S
