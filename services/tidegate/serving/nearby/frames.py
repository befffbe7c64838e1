"""What travels over a socket between router and stage: frames of a call's number, a length, and pickled content."""

import asyncio
import pickle
import struct
from collections.abc import Callable
from typing import Any, Final, cast

_HEAD: Final = struct.Struct("<QI")
"""Number of the call, bytes that follow."""
_PICKLE_PROTOCOL: Final = 5


def frame(call: int, content: Any) -> bytes:
    """One frame.

    Raises:
        Exception: The content can't be pickled.
        struct.error: It has 4 GiB or more.
    """
    body = pickle.dumps(content, protocol=_PICKLE_PROTOCOL)
    return _HEAD.pack(call, len(body)) + body


def content_of(body: bytes) -> Any:
    """What was put into the frame.

    Raises:
        Exception: It can't be unpickled.
    """
    return pickle.loads(body)  # noqa: S301 - only processes of this user reach the socket; see `place`


class Frames(asyncio.Protocol):
    """Cuts what arrives into frames."""

    def __init__(self, *, arrived: Callable[[int, bytes], None], lost: Callable[[], None]) -> None:
        """Wires a connection.

        Args:
            arrived: Told of each frame, by its call's number and its body.
            lost: Told once that the connection is gone.
        """
        self._arrived = arrived
        self._lost = lost
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is not one

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        buffer = self._buffer
        buffer += data
        begin, held = 0, len(buffer)
        while held - begin >= _HEAD.size:
            call, length = _HEAD.unpack_from(buffer, begin)
            end = begin + _HEAD.size + length
            if end > held:
                break
            self._arrived(call, bytes(buffer[begin + _HEAD.size : end]))
            begin = end
        del buffer[:begin]

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        del exc
        self._transport = None
        self._lost()

    def send(self, data: bytes) -> None:
        """Sends a frame.

        Raises:
            ConnectionError: There is no connection, or none any more.
        """
        if self._transport is None:
            raise ConnectionError
        self._transport.write(data)

    def close(self) -> None:
        """Sends what is left, then closes."""
        if self._transport is not None:
            self._transport.close()
