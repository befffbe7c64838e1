"""Locust's shape of an open loop: one dispatching user per process, until every answer is in."""

from typing import Any

from locust import LoadTestShape


class OpenLoad(LoadTestShape):  # type: ignore[misc]  # Locust is in .venv-load only
    """The plan itself is run by the dispatchers; Locust is told when it is over."""

    def tick(self) -> tuple[int, float] | None:
        """As many users as processes."""
        runner: Any = self.runner
        session = runner.environment.tidegate
        if session.over:
            return None
        processes = max(1, getattr(runner, "worker_count", 1))
        return processes, float(processes)
