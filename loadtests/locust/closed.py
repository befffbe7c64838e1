"""Closed loop: a number of users, each waiting for its answer before it asks again.

It finds the throughput that so many callers get, and hides stalls: while the service stands still nobody asks. For
latencies use `open.py`.

locust -f loadtests/locust/closed.py --headless --host 127.0.0.1:9000 --shape steady --level 32 --seconds 60 UnaryUser
"""

import itertools
from typing import Any

from locust import User, constant, events, task

from loadtests.locust.closed_caller import StreamCaller, UnaryCaller
from loadtests.locust.closed_load import ClosedLoad
from loadtests.locust.joining import join
from loadtests.locust.options import add_options

__all__ = ["ClosedLoad", "StreamUser", "UnaryUser"]

events.init_command_line_parser.add_listener(add_options)
_numbers = itertools.count()


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust is in .venv-load only
def join_locust(environment: Any, **_: Any) -> None:
    """Joins this load test to Locust."""
    join(environment, loop="closed")


class UnaryUser(User):  # type: ignore[misc]  # as above
    """A service that moderates item by item."""

    weight = 4
    wait_time = constant(0)

    def on_start(self) -> None:
        """Connects."""
        self._caller = UnaryCaller(self.environment.tidegate, user=next(_numbers))

    @task  # type: ignore[untyped-decorator]  # as above
    def moderate(self) -> None:
        """One item."""
        self._caller.call()


class StreamUser(User):  # type: ignore[misc]  # as above
    """A bulk job over one stream, on which it keeps as many items under way as `--window` says."""

    weight = 1
    wait_time = constant(0)

    def on_start(self) -> None:
        """Opens the stream."""
        self._caller = StreamCaller(self.environment.tidegate, user=next(_numbers))

    @task  # type: ignore[untyped-decorator]  # as above
    def moderate(self) -> None:
        """One item, as soon as there is room."""
        self._caller.call()
