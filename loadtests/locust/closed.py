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
from loadtests.locust.finishing import finish
from loadtests.locust.options import add_options
from loadtests.locust.session import LoadSession

__all__ = ["ClosedLoad", "StreamUser", "UnaryUser"]

WINDOW = 32
"""Items that one stream keeps under way."""

events.init_command_line_parser.add_listener(add_options)
_numbers = itertools.count()


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust is in .venv-load only
def join(environment: Any, **_: Any) -> None:
    """Joins this load test to Locust."""
    environment.tidegate = LoadSession(environment, loop="closed", finish=finish)


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
    """A bulk job over one stream."""

    weight = 1
    wait_time = constant(0)

    def on_start(self) -> None:
        """Opens the stream."""
        self._caller = StreamCaller(self.environment.tidegate, user=next(_numbers), window=WINDOW)

    @task  # type: ignore[untyped-decorator]  # as above
    def moderate(self) -> None:
        """One item, as soon as there is room."""
        self._caller.call()
