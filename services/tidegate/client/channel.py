"""How the clients connect."""

import json

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
DEFAULT_BUDGET_MS = 1_000.0
"""Assumed when a call names no budget, for its deadline only."""
RECORDING_SLACK_S = 5.0
"""A call's deadline beyond its budget: the ledger's write is not part of the budget."""

OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.enable_retries", 0),  # ours are the only retries
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
)
"""Round robin over all resolved addresses: one long-lived HTTP/2 connection would stick to one router."""


def deadline_s(budget_ms: float | None) -> float:
    """The gRPC deadline for a call with this budget."""
    return (DEFAULT_BUDGET_MS if budget_ms is None else budget_ms) / 1000.0 + RECORDING_SLACK_S
