"""Spans that wait to be sent, and the thread that sends them: a bounded queue that never makes a request wait.

In place of the SDK's batch processor, which is made for span objects, wakes its thread for each 512 of them, and sends
as often. The thread shares the interpreter with requests, so this one goes by its beat, and sooner only when the queue
fills.
"""

import threading
from collections import deque

from tidegate.telemetry.export import ForgivingSender
from tidegate.telemetry.otlp_spans import encoded
from tidegate.telemetry.recorded_span import RecordedSpan

_MOST_SPANS = 2_048
"""In one sending: some 0.7 MB. Receivers refuse more than 4 MB unless they are told otherwise."""
_MOST_BYTES = 2_000_000
"""In one sending. One piece, a batch span with its twins, may stand out."""


class SpanQueue:
    """Takes ended spans of any thread, and sends them from its own."""

    def __init__(
        self, sender: ForgivingSender, *, schedule_delay_ms: float, max_spans: int, flush_timeout_ms: float
    ) -> None:
        """Starts the thread.

        Args:
            sender: To the receiver.
            schedule_delay_ms: Between two looks at the queue.
            max_spans: Held at most. Beyond this the oldest are dropped, and counted.
            flush_timeout_ms: How long `shutdown` goes on sending; one sending may be on its way besides.
        """
        self._sender = sender
        self._delay_s = schedule_delay_ms / 1000
        self._max_spans = max_spans
        self._urgent = max(1, max_spans // 4)
        self._flush_timeout_s = flush_timeout_ms / 1000
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._held = 0
        self._dropped = 0
        self._ended = False
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="span-sender", daemon=True)
        self._thread.start()

    def take(self, span: RecordedSpan) -> None:
        """Encodes an ended span and its twins, and queues them. Never waits for the network, never raises."""
        count = 1 + len(span.twins)
        try:
            piece = encoded(span)
        except Exception:  # noqa: BLE001 - telemetry is a boundary: an attribute that OTLP does not know costs its span
            with self._lock:
                self._dropped += count
            return
        with self._lock:
            if self._ended:
                return
            self._waiting.append((piece, count))
            self._held += count
            while self._held > self._max_spans:
                _, dropped = self._waiting.popleft()
                self._held -= dropped
                self._dropped += dropped
            urgent = self._held >= self._urgent
        if urgent and not self._wake.is_set():
            self._wake.set()

    def force_flush(self) -> None:
        """Sends what is queued, from the caller's thread."""
        while self._send_some():
            pass

    def shutdown(self) -> None:
        """Sends what is queued, within the bound, and closes. Spans that end later are not recorded."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
        self._sender.finish_within(self._flush_timeout_s)
        self._wake.set()
        self._thread.join()
        self._sender.close()

    def _run(self) -> None:
        while not self._ended:
            self._wake.wait(self._delay_s)
            self._wake.clear()
            self.force_flush()
        self.force_flush()

    def _send_some(self) -> bool:
        """One sending; False if there was nothing to send."""
        with self._sending:
            pieces, count, dropped = self._next()
            if dropped:
                self._sender.lost(dropped)
            if pieces:
                self._sender.send(pieces, count=count)
            return bool(pieces)

    def _next(self) -> tuple[list[bytes], int, int]:
        pieces: list[bytes] = []
        count = size = 0
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            while self._waiting and count < _MOST_SPANS and size < _MOST_BYTES:
                piece, spans = self._waiting.popleft()
                pieces.append(piece)
                count += spans
                size += len(piece)
            self._held -= count
        return pieces, count, dropped
