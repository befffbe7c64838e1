"""Open loop: arrivals are scheduled, and timed from their intended start.

locust -f loadtests/locust/open.py --headless --host 127.0.0.1:9000 --shape ramp --level 200 --seconds 120
"""

from typing import Any

import gevent
from locust import User, events, task

from loadtests.locust.channels import UnreachableError
from loadtests.locust.dispatcher import dispatch
from loadtests.locust.joining import join
from loadtests.locust.open_load import OpenLoad
from loadtests.locust.options import add_options
from loadtests.locust.session import LoadSession

__all__ = ["OpenLoad", "OpenLoop"]

events.init_command_line_parser.add_listener(add_options)


@events.init.add_listener  # type: ignore[untyped-decorator]  # Locust is in .venv-load only
def join_locust(environment: Any, **_: Any) -> None:
    """Joins this load test to Locust."""
    join(environment, loop="open")


class OpenLoop(User):  # type: ignore[misc]  # as above
    """Stands for all callers of one process."""

    @task  # type: ignore[untyped-decorator]  # as above
    def run_plan(self) -> None:
        """Runs this process's part, then waits for Locust to stop it."""
        session: LoadSession = self.environment.tidegate
        if session.claim():
            try:
                dispatch(session)
            except (UnreachableError, gevent.Timeout) as error:
                session.give_up(str(error))
        while True:
            gevent.sleep(1)
