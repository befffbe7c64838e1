"""Locust's shape of a closed loop: as many users as the plan says."""

from typing import Any

from locust import LoadTestShape


class ClosedLoad(LoadTestShape):  # type: ignore[misc]  # Locust is in .venv-load only
    """Users by phase."""

    _last: tuple[int, float] = (1, 1.0)

    def tick(self) -> tuple[int, float] | None:
        """The users of this moment; none once the last answers are in."""
        runner: Any = self.runner
        session = runner.environment.tidegate
        if session.over:
            return None
        clock = session.clock
        phase = session.options.plan.at(max(0.0, clock.elapsed_s) if clock else 0.0)
        if phase is None:
            return self._last
        users = max(1, round(phase.level))
        self._last = users, float(max(10, users))
        return self._last
