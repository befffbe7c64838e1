"""Sends requests over bidirectional streams, without waiting for the answers before."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gevent
import grpc
from gevent.queue import Queue

from loadtests.locust import answers
from loadtests.locust.channels import Channels
from loadtests.locust.sample import NOT_SENT, STREAM, Sample
from loadtests.locust.shot import Shot
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb

_POLL_S = 0.02
_GIVEN_UP = "DEADLINE_EXCEEDED"
_WAKE = ""
"""Wakes whoever reads the queue for a call that is over."""


@dataclass(slots=True)
class _Outstanding:
    """A request without an answer."""

    shot: Shot
    sent: float | None = None


@dataclass(slots=True)
class _Leg:
    """One call."""

    ended: bool = False


class _Stream:
    """One stream, opened again whenever it ends."""

    def __init__(self, channels: Channels, record: Callable[[Sample], None], *, longest_s: float) -> None:
        self._channels = channels
        self._record = record
        self._longest_s = longest_s
        self._queue: Queue[str] = Queue()
        self._ids = itertools.count()
        self.outstanding: dict[str, _Outstanding] = {}
        gevent.spawn(self._run)

    def send(self, shot: Shot) -> None:
        """Puts it behind those before; it is sent when gRPC takes it, which waits for room on the connection."""
        correlation_id = str(next(self._ids))
        self.outstanding[correlation_id] = _Outstanding(shot)
        self._queue.put(correlation_id)

    def give_up(self, before: float) -> None:
        """Ends the wait for requests that were due before this moment."""
        for correlation_id, each in list(self.outstanding.items()):
            if each.shot.due >= before:
                break
            self._settle(correlation_id, NOT_SENT if each.sent is None else _GIVEN_UP)

    def _run(self) -> None:
        while True:
            leg = _Leg()
            call = self._channels.next().ModerateStream(self._messages(leg), timeout=self._longest_s)
            try:
                for response in call:
                    decided = response.WhichOneof("outcome") == "decision"
                    outcome = answers.of_decision(response.decision) if decided else answers.of_status(response.error)
                    self._settle(response.correlation_id, outcome)
                code = "UNAVAILABLE"
            except grpc.RpcError as error:
                code = answers.of_error(error)
            leg.ended = True
            self._queue.put(_WAKE)
            for correlation_id, each in list(self.outstanding.items()):
                if each.sent is not None:
                    self._settle(correlation_id, code)
            gevent.sleep(_POLL_S)

    def _messages(self, leg: _Leg) -> Iterator[pb.ModerateStreamRequest]:
        while True:
            correlation_id = self._queue.get()
            if leg.ended:
                self._queue.put(correlation_id)  # for the leg after this one
                return
            each = self.outstanding.get(correlation_id)
            if each is None:
                continue  # given up while it waited, or a wake-up for a leg before
            each.sent = time.perf_counter()
            yield pb.ModerateStreamRequest(
                correlation_id=correlation_id, request=each.shot.request, traceparent=each.shot.traceparent
            )

    def _settle(self, correlation_id: str, outcome: str) -> None:
        each = self.outstanding.pop(correlation_id, None)
        if each is None:
            return  # answered after it was given up
        now = time.perf_counter()
        sent = now if each.sent is None else each.sent
        self._record(each.shot.sample(outcome, sent=sent, answered=now, protocol=STREAM))


class StreamSender:
    """Spreads requests over some streams."""

    def __init__(
        self,
        channels: Channels,
        *,
        record: Callable[[Sample], None],
        deadline_s: float,
        streams: int,
        longest_s: float,
    ) -> None:
        """Opens the streams.

        Args:
            channels: Where to.
            record: Takes each sample.
            deadline_s: How long somebody waits for one item, from its intended start.
            streams: How many.
            longest_s: Deadline of a stream as a whole; another is opened then.
        """
        self._deadline_s = deadline_s
        self._streams = [_Stream(channels, record, longest_s=longest_s) for _ in range(streams)]
        self._turns = itertools.cycle(self._streams)
        gevent.spawn(self._watch)

    def send(self, shot: Shot) -> None:
        """Onto the next stream."""
        next(self._turns).send(shot)

    def drain(self, timeout_s: float) -> None:
        """Returns when every request has its sample."""
        deadline = time.perf_counter() + timeout_s
        while any(stream.outstanding for stream in self._streams) and time.perf_counter() < deadline:
            gevent.sleep(_POLL_S)

    def _watch(self) -> None:
        while True:
            gevent.sleep(_POLL_S)
            for stream in self._streams:
                stream.give_up(time.perf_counter() - self._deadline_s)
