"""One user of a closed loop: the next request waits for the answer before."""

import time
from collections.abc import Callable

import gevent
import gevent.lock
import grpc

from loadtests.locust import answers
from loadtests.locust.sample import UNARY, Sample
from loadtests.locust.session import LoadSession
from loadtests.locust.shot import Shot, budget_of
from loadtests.locust.stream_sender import StreamSender
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb

_REST_S = 0.1


class Items:
    """What one user sends next, as long as the plan runs."""

    def __init__(self, session: LoadSession, *, user: int) -> None:
        """Takes the user's number in this process: each sends items of its own."""
        self._plan = session.options.plan
        self._clock = session.joined_start()
        self._items = iter(session.corpus(user=user))
        self._traces = session.traces(user=user)
        self._budget = budget_of(session.options.budget_ms)

    def next(self) -> Shot | None:
        """The next request, due now; None while nothing is to be sent."""
        elapsed_s = self._clock.elapsed_s
        phase = self._plan.at(elapsed_s)
        if elapsed_s < 0 or phase is None or phase.level <= 0:
            gevent.sleep(_REST_S)
            return None
        item = next(self._items)
        now = time.perf_counter()
        return Shot(
            request=pb.ModerateRequest(item=item.item, budget=self._budget),
            traceparent=self._traces.next(),
            kind=item.kind,
            phase=self._plan.phases.index(phase),
            intended_s=now - self._clock.started,
            due=now,
            handled=now,
        )


class UnaryCaller:
    """Calls, one after the other."""

    def __init__(self, session: LoadSession, *, user: int) -> None:
        """Connects."""
        self._session = session
        self._items = Items(session, user=user)
        self._stub = session.channels.next()
        self._deadline_s = session.options.deadline_ms / 1_000

    def call(self) -> None:
        """One call, answered or failed."""
        shot = self._items.next()
        if shot is None:
            return
        metadata = (("traceparent", shot.traceparent),)
        try:
            response = self._stub.Moderate(shot.request, timeout=self._deadline_s, metadata=metadata)
            outcome = answers.of_decision(response.decision)
        except grpc.RpcError as error:
            outcome = answers.of_error(error)
        answered = time.perf_counter()
        self._session.record(shot.sample(outcome, sent=shot.due, answered=answered, protocol=UNARY))


class StreamCaller:
    """One stream with a window: a bulk job that keeps so many items under way."""

    def __init__(self, session: LoadSession, *, user: int) -> None:
        """Opens the stream."""
        options = session.options
        self._items = Items(session, user=user)
        self._room = gevent.lock.BoundedSemaphore(options.window)
        self._sender = StreamSender(
            session.channels,
            record=self._recording(session.record),
            deadline_s=options.deadline_ms / 1_000,
            streams=1,
            longest_s=options.plan.duration_s + 60,
        )

    def call(self) -> None:
        """Puts one item onto the stream once there is room in the window."""
        self._room.acquire()
        shot = self._items.next()
        if shot is None:
            self._room.release()
        else:
            self._sender.send(shot)

    def _recording(self, record: Callable[[Sample], None]) -> Callable[[Sample], None]:
        def record_and_make_room(sample: Sample) -> None:
            self._room.release()
            record(sample)

        return record_and_make_room
