"""Brings all generator processes to one start: parts are given out, everybody makes ready, then the plan begins.

A worker that connects and makes its items while the plan already runs would offer its first seconds too late.
"""

import logging
from typing import Any

import gevent.event
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.locust.begin import Part, PlanClock

logger = logging.getLogger(__name__)

_PART, _READY, _GO = "tidegate_part", "tidegate_ready", "tidegate_go"
_READY_S = 60.0


class Rendezvous:
    """One process's side of it: of a master, of a worker, or of Locust's only process."""

    def __init__(self, environment: Environment) -> None:
        """Listens to what the other processes say."""
        self.parts = 0
        """How many take part."""
        self._runner: Any = environment.runner
        self._part = gevent.event.AsyncResult()
        self._clock = gevent.event.AsyncResult()
        self._ready: set[int] = set()
        if isinstance(self._runner, WorkerRunner):
            self._runner.register_message(_PART, self._on_part)
            self._runner.register_message(_GO, self._on_go)
        if isinstance(self._runner, MasterRunner):
            self._runner.register_message(_READY, self._on_ready)

    def give_out_parts(self) -> None:
        """Called when a test starts; in a worker it does nothing."""
        if isinstance(self._runner, MasterRunner):
            workers = sorted(client.id for client in self._runner.clients.ready)
            self.parts = len(workers)
            for number, client_id in enumerate(workers):
                self._runner.send_message(_PART, [number, len(workers)], client_id=client_id)
        elif not isinstance(self._runner, WorkerRunner):
            self._part.set(Part(0, 1))
            self.parts = 1

    def part(self) -> Part:
        """This process's part.

        Raises:
            gevent.Timeout: It was given none: it came after the start.
        """
        part: Part = self._part.get(timeout=_READY_S)
        return part

    def make_start(self) -> PlanClock:
        """Says that this process is ready, and waits for all others.

        Raises:
            gevent.Timeout: Another does not become ready.
        """
        if isinstance(self._runner, WorkerRunner):
            self._runner.send_message(_READY, self.part().number)
        else:
            self._clock.set(PlanClock.soon())
        return self.joined()

    def joined(self) -> PlanClock:
        """Waits for the start that another user of this process makes.

        Raises:
            gevent.Timeout: There is none.
        """
        clock: PlanClock = self._clock.get(timeout=_READY_S)
        return clock

    @property
    def clock(self) -> PlanClock | None:
        """Since when the plan runs; None before everybody is ready."""
        clock: PlanClock | None = self._clock.value
        return clock

    def _on_part(self, msg: Any, **_: Any) -> None:
        number, self.parts = msg.data
        self._part.set(Part(number, self.parts))

    def _on_ready(self, msg: Any, **_: Any) -> None:
        self._ready.add(msg.data)
        if len(self._ready) == self.parts:
            logger.info("all %d generator processes are ready", self.parts)
            self._runner.send_message(_GO)
            self._clock.set(PlanClock.soon())

    def _on_go(self, **_: Any) -> None:
        self._clock.set(PlanClock.soon())
