"""How a generator process is connected."""

import itertools
from collections.abc import Iterator

import grpc
import grpc.experimental.gevent

from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as rpc

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.enable_retries", 0),  # a retry would hide a failure, and load the service beyond the plan
    # Without it, channels with the same options share one connection, and a proxy takes only about a hundred calls
    # at once on one: the rest would wait in here.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", "tidegate-loadtests"),
)


def adopt_gevent() -> None:
    """Lets gRPC work on gevent's loop. After Locust has patched the standard library, before the first channel."""
    grpc.experimental.gevent.init_gevent()


class UnreachableError(Exception):
    """Nothing answers where the service should be. The message says where."""


class Channels:
    """Connections of one process to one service."""

    def __init__(self, target: str, *, count: int, ready_s: float = 10.0) -> None:
        """Connects them all, so that no request pays for it.

        Raises:
            UnreachableError: One is not connected in time.
        """
        self._channels = [grpc.insecure_channel(target, options=_OPTIONS) for _ in range(count)]
        for channel in self._channels:
            try:
                grpc.channel_ready_future(channel).result(timeout=ready_s)
            except grpc.FutureTimeoutError as error:
                raise UnreachableError(
                    f"{target}: no connection within {ready_s:g} s; does the service run, and is --host its HOST:PORT?"
                ) from error
        stubs = [rpc.ModerationServiceStub(channel) for channel in self._channels]
        self._turns: Iterator[rpc.ModerationServiceStub] = itertools.cycle(stubs)

    def next(self) -> "rpc.ModerationServiceStub":
        """A stub, in turn."""
        return next(self._turns)

    def close(self) -> None:
        """Ends what is under way."""
        for channel in self._channels:
            channel.close()
