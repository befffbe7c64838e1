"""Stands between a client and a server, and cuts the connection at a chosen message, as networks do."""

import contextlib
import socket
import threading
from collections.abc import Callable
from enum import Enum

READY = b"Z\0\0\0\5I"
"""ReadyForQuery, outside a transaction: what was sent is committed."""


class Cut(Enum):
    """What becomes of the message that holds the marker."""

    BEFORE_IT_ARRIVES = "before"
    """The server never gets it, nor hears that the client is gone."""
    AFTER_THE_ANSWER = "after"
    """The server gets it and answers, and nobody hears the answer."""


class LossyProxy:
    """Forwards one port to another. Cuts at most once."""

    def __init__(self, port: int) -> None:
        """Forwards to this port of this machine."""
        self._server_port = port
        self._marker = b""
        self._cut = Cut.BEFORE_IT_ARRIVES
        self._meanwhile: Callable[[], None] = lambda: None
        self.cuts = 0
        """How often it cut a connection."""
        self._servers: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, marker: bytes, cut: Cut, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Cuts the connection over which this comes, once. `meanwhile` happens before the client notices."""
        self._cut = cut
        self._meanwhile = meanwhile
        self._marker = marker

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.close()
        for server in self._servers:
            server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server_port))
        self._servers.append(server)
        deaf, answered = threading.Event(), threading.Event()
        threading.Thread(target=self._answers, args=(server, client, deaf, answered), daemon=True).start()
        seen = b""
        with contextlib.suppress(OSError), client:
            while data := client.recv(65536):
                seen = seen[-1024:] + data
                if self._marker and self._marker in seen:
                    self._marker = b""
                    self.cuts += 1
                    if self._cut is Cut.AFTER_THE_ANSWER:
                        deaf.set()
                        server.sendall(data)
                        self._rest(client, server)
                        answered.wait(30)
                    self._meanwhile()
                    client.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _rest(client: socket.socket, server: socket.socket) -> None:
        """What still belongs to the message."""
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while data := client.recv(65536):
                server.sendall(data)

    @staticmethod
    def _answers(
        server: socket.socket, client: socket.socket, deaf: threading.Event, answered: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not deaf.is_set():
                    client.sendall(data)
                elif READY in data:
                    answered.set()
            if not deaf.is_set():  # else whoever cuts the connection says when
                client.shutdown(socket.SHUT_RDWR)
