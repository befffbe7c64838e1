"""A proxy that behaves as HAProxy does when the router behind it is killed: it resets the streams.

Bytes as captured: the HTTP/2 connection stands, and each stream ends with RST_STREAM, without any gRPC status.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS = 1, 3, 4
ACK = 1
CANCEL = 8
"""HTTP/2's error code, RFC 9113, section 7."""


class ResettingProxy:
    """Resets the first stream of each of its first connections; passes later connections on as they are."""

    def __init__(self, target: str, *, resets: int, error_code: int = CANCEL) -> None:
        """Listens, but accepts nothing yet."""
        host, port = target.split(":")
        self._target = (host, int(port))
        self._resets_left = resets
        self._error_code = error_code
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]  # one of ours
        self._threads.append(thread)
        thread.start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed at the end of the test
                return
            self._open.append(client)
            if self._resets_left:
                self._resets_left -= 1
                self.start(self._reset, client)
            else:
                server = socket.create_connection(self._target)
                self._open.append(server)
                self.start(_pass_on, client, server)
                self.start(_pass_on, server, client)

    def close(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(20)

    def _reset(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rb") as incoming:  # the caller may hang up
            incoming.read(len(PREFACE))
            client.sendall(_frame(SETTINGS))
            while header := incoming.read(9):
                size, kind, flags, stream = _parsed(header)
                incoming.read(size)
                if kind == SETTINGS and not flags & ACK:
                    client.sendall(_frame(SETTINGS, flags=ACK))
                if kind == HEADERS:
                    client.sendall(_frame(RST_STREAM, stream=stream, payload=struct.pack(">I", self._error_code)))
                    return


@contextlib.contextmanager
def resetting(target: str, *, resets: int, error_code: int = CANCEL) -> Iterator[str]:
    """Proxies until the block ends.

    Yields:
        The proxy's address.
    """
    proxy = ResettingProxy(target, resets=resets, error_code=error_code)
    proxy.start(proxy.accept)
    try:
        yield proxy.address
    finally:
        proxy.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _frame(kind: int, *, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _parsed(header: bytes) -> tuple[int, int, int, int]:
    kind, flags, stream = struct.unpack(">BBI", header[3:])
    return int.from_bytes(header[:3], "big"), kind, flags, stream & 0x7FFFFFFF
