"""Sends what is due when it is due, whatever became of what was sent before."""

import time
from typing import Protocol

import gevent

from loadtests.locust.arrivals import ArrivalSchedule
from loadtests.locust.session import LoadSession
from loadtests.locust.shot import Shot, budget_of
from loadtests.locust.stream_sender import StreamSender
from loadtests.locust.unary_sender import UnarySender
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb

_YIELD_EVERY = 8
"""Requests that are sent without a pause before answers are looked after; only when the dispatcher is behind."""


class Sender(Protocol):
    """Takes requests and never blocks."""

    def send(self, shot: Shot) -> None:
        """Sends it as soon as can be."""
        ...

    def drain(self, timeout_s: float) -> None:
        """Waits until every request has its sample."""
        ...


def dispatch(session: LoadSession) -> None:
    """Runs this process's part of the plan, from its first arrival to its last answer."""
    options, part = session.options, session.part()
    schedule = ArrivalSchedule(
        options.plan, seed=options.seed, part=part.number, parts=part.parts, burst_mean=options.burst_mean
    )
    items, traces, budget = iter(session.corpus()), session.traces(), budget_of(options.budget_ms)
    senders = Senders(session)
    clock = session.make_start()
    for number, arrival in enumerate(schedule):
        item = next(items)  # made before it is due, in time that is left
        request, traceparent = pb.ModerateRequest(item=item.item, budget=budget), traces.next()
        due = clock.started + arrival.at_s
        pause_s = due - time.perf_counter()
        if pause_s > 0:
            gevent.sleep(pause_s)
        elif number % _YIELD_EVERY == 0:
            gevent.sleep(0)
        handled = max(due, time.perf_counter())
        senders.next().send(Shot(request, traceparent, item.kind, arrival.phase, arrival.at_s, due, handled))
    gevent.sleep(max(0.0, options.plan.duration_s - clock.elapsed_s))
    senders.drain(options.deadline_ms / 1_000 + 1)
    session.part_done()


class Senders:
    """Unary and stream, in the share that the options name, evenly spread."""

    def __init__(self, session: LoadSession) -> None:
        """Opens what is needed."""
        options = session.options
        deadline_s = options.deadline_ms / 1_000
        self._share = options.stream_share
        self._owed = 0.0
        self._unary = UnarySender(
            session.channels, record=session.record, deadline_s=deadline_s, max_in_flight=options.max_in_flight
        )
        self._stream: StreamSender | None = None
        if self._share > 0:
            self._stream = StreamSender(
                session.channels,
                record=session.record,
                deadline_s=deadline_s,
                streams=options.streams,
                longest_s=options.plan.duration_s + 60,
            )

    def next(self) -> Sender:
        """Whose turn it is."""
        self._owed += self._share
        if self._stream is not None and self._owed >= 1:
            self._owed -= 1
            return self._stream
        return self._unary

    def drain(self, timeout_s: float) -> None:
        """Waits for both."""
        for sender in (self._unary, self._stream):
            if sender is not None:
                sender.drain(timeout_s)
