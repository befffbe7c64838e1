"""One stream for code without an event loop."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import grpc

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as rpc
from tidegate.client.errors import ModerationError
from tidegate.client.intake import ThreadIntake
from tidegate.client.outstanding import Outstanding
from tidegate.client.streaming import MOST_OUTSTANDING, GivenItem, StreamResult

CLOSING_S = 2.0
"""How long a stream that is over waits for the server to end its side."""
NOTICING_S = 1.0
"""How often a caller that waits for results looks whether the stream has gone silent."""


@dataclass(slots=True)
class _Leg:
    """One call. A stream that breaks goes on with another."""

    ended: bool = False
    error: ModerationError | None = None


class BlockingStream:
    """Three threads and the caller's: one reads items, gRPC's own sends them, one receives, the caller takes results.

    `_changed` guards everything that more than one of them touches. Nobody holds it while waiting for the network or
    for the caller's items.
    """

    def __init__(self, stub: rpc.ModerationServiceStub, items: Iterable[GivenItem], outstanding: Outstanding) -> None:
        """Starts nothing; `results` does."""
        self._stub = stub
        self._outstanding = outstanding
        self._intake = ThreadIntake(items, ahead=MOST_OUTSTANDING, on_item=self._admit, on_end=self._items_ended)
        self._changed = threading.Condition()
        self._results: queue.SimpleQueue[StreamResult | None] = queue.SimpleQueue()
        self._receiver = threading.Thread(target=self._receive, name="tidegate-client-results", daemon=True)
        self._closed = False
        self._failure: BaseException | None = None
        self._leg = _Leg(ended=True)
        self._call: grpc.Call | None = None

    def results(self) -> Generator[StreamResult, None, None]:
        """Every item's result once, in completion order; then whatever the source of the items raised."""
        self._receiver.start()
        self._intake.start()
        try:
            while (result := self._next_result()) is not None:
                self._intake.release()
                yield result
            self._receiver.join(CLOSING_S)
        finally:
            self._close()
        if self._failure is not None:
            raise self._failure

    def _next_result(self) -> StreamResult | None:
        while True:
            try:
                return self._results.get(timeout=NOTICING_S)
            except queue.Empty:
                self._end_if_silent()

    def _admit(self, given: GivenItem) -> None:
        with self._changed:
            if not self._closed:
                self._put(self._outstanding.admit(given))

    def _items_ended(self, failure: BaseException | None) -> None:
        with self._changed:
            self._failure = failure
            self._outstanding.end()
            self._put()

    def _receive(self) -> None:
        try:
            while self._wait_for_work():
                self._run_leg(_Leg())
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: the caller raises it
            self._failure = error
            self._results.put(None)

    def _run_leg(self, leg: _Leg) -> None:
        call = self._stub.ModerateStream(self._messages(leg))
        with self._changed:
            self._leg, self._call = leg, call
        error = self._received(call)
        with self._changed:
            leg.ended = True
            self._put(*self._outstanding.broken(leg.error or error))

    def _received(self, call: Iterator[pb.ModerateStreamResponse]) -> ModerationError:
        try:
            for response in call:
                with self._changed:
                    self._put(self._outstanding.answered(response))
        except grpc.RpcError as error:
            return ModerationError.from_rpc(error)
        return ModerationError(grpc.StatusCode.UNAVAILABLE, "the service ended the stream")

    def _wait_for_work(self) -> bool:
        """Until there is something to send; False if there never will be."""
        with self._changed:
            while not (self._closed or self._outstanding.over):
                pause_s = self._outstanding.pause_s()
                if pause_s == 0.0:
                    return True
                self._changed.wait(pause_s)
            return False

    def _messages(self, leg: _Leg) -> Iterator[pb.ModerateStreamRequest]:
        """What gRPC sends on one call; it ends when nothing is left to be answered."""
        while (message := self._next_message(leg)) is not None:
            yield message

    def _next_message(self, leg: _Leg) -> pb.ModerateStreamRequest | None:
        with self._changed:
            while not (leg.ended or self._closed or self._outstanding.over):
                message = self._outstanding.next_message()
                if message is not None:
                    return message
                self._changed.wait(self._outstanding.pause_s())
            return None

    def _put(self, *results: StreamResult | None) -> None:
        """Hands results to the caller and wakes whoever waits for a change. Needs `_changed`."""
        for result in results:
            if result is not None:
                self._results.put(result)
        if self._outstanding.over:
            self._results.put(None)
        self._changed.notify_all()

    def _end_if_silent(self) -> None:
        with self._changed:
            error, call = self._outstanding.silent(), self._call
            if error is None or self._leg.ended:
                return
            self._leg.error = error
        if call is not None:
            call.cancel()

    def _close(self) -> None:
        self._intake.stop()
        with self._changed:
            self._closed = True
            self._outstanding.abandon()
            self._changed.notify_all()
            call = self._call
        if call is not None:
            call.cancel()
        self._receiver.join(CLOSING_S)
