"""Sends each request as a call of its own, without waiting for the ones before."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
import grpc

from loadtests.locust import answers
from loadtests.locust.channels import Channels
from loadtests.locust.sample import NOT_SENT, UNARY, Sample
from loadtests.locust.shot import Shot

_POLL_S = 0.02


class UnarySender:
    """Calls under way, and those that wait because there are as many as may be.

    A call is a future with a callback and no greenlet of its own: half the processor time of a blocking call.
    """

    def __init__(
        self, channels: Channels, *, record: Callable[[Sample], None], deadline_s: float, max_in_flight: int
    ) -> None:
        """Sends nothing yet.

        Args:
            channels: Where to.
            record: Takes each sample.
            deadline_s: How long somebody waits, from the intended start; then the call is cancelled.
            max_in_flight: Most calls under way.
        """
        self._channels = channels
        self._record = record
        self._deadline_s = deadline_s
        self._most = max_in_flight
        self._under_way = 0
        self._waiting: deque[Shot] = deque()

    def send(self, shot: Shot) -> None:
        """Sends it at once, or as soon as there is a slot."""
        if self._under_way < self._most:
            self._launch(shot)
        else:
            self._waiting.append(shot)

    def drain(self, timeout_s: float) -> None:
        """Returns when every request has its sample."""
        deadline = time.perf_counter() + timeout_s
        while (self._under_way or self._waiting) and time.perf_counter() < deadline:
            gevent.sleep(_POLL_S)

    def _launch(self, shot: Shot) -> None:
        now = time.perf_counter()
        left_s = self._deadline_s - (now - shot.due)
        if left_s <= 0:
            self._record(shot.sample(NOT_SENT, sent=now, answered=now, protocol=UNARY))
            return
        self._under_way += 1
        metadata = (("traceparent", shot.traceparent),)
        call = self._channels.next().Moderate.future(shot.request, timeout=left_s, metadata=metadata)
        call.add_done_callback(lambda done: self._answered(shot, now, done))

    def _answered(self, shot: Shot, sent: float, call: Any) -> None:
        answered = time.perf_counter()
        try:
            outcome = answers.of_decision(call.result().decision)
        except grpc.RpcError as error:
            outcome = answers.of_error(error)
        self._under_way -= 1
        self._record(shot.sample(outcome, sent=sent, answered=answered, protocol=UNARY))
        while self._waiting and self._under_way < self._most:
            self._launch(self._waiting.popleft())
