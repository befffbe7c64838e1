"""How long what is stopped goes on: one sum for Serve's deployments and for the pods that k8s gives them, in seconds.

A router that Serve stops stays reachable for `grpc.draining_s`, while every HAProxy takes it out. Then its gRPC server
takes nothing new, open streams are told to end (`open_streams`), and it waits for what is under way, in what is left
of `graceful_shutdown_timeout_s`; after that Serve kills the process (Serve 2.60, `replica.py`,
`_perform_graceful_shutdown`). Requests that Serve's server hands to a router itself (`wire`) are in no count of
Serve's: only this second wait lets them finish. A request that comes at the end of draining may take the longest
budget, so the two times add up.
"""

from typing import Final

from tidegate.serving.settings import Settings

RESERVE_S: Final = 5.0
"""Serve looks every 2 s whether a replica is idle; the rest is for the ledger's last transaction and the last spans
(`open_streams.CLOSING_S` of it in a router)."""

HEAD_START_S: Final = 10.0
"""A node that is drained: its replicas are stopped when others run elsewhere, at the latest when only their own time is
left until the deadline. So long they get to be replaced first."""


def stage_s(settings: Settings) -> float:
    """For a replica of a stage: the longest call under way, and to close."""
    return settings.budget.max_ms / 1_000 + RESERVE_S


def router_s(settings: Settings) -> float:
    """For a replica of the router: the same after draining."""
    return settings.grpc.draining_s + stage_s(settings)


def node_s(settings: Settings) -> float:
    """From the moment that Ray is told that a node goes, until nothing of ours is under way there."""
    return HEAD_START_S + router_s(settings)
