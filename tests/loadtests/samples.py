"""Samples and levels to judge, for tests to vary in one place."""

from collections.abc import Mapping
from typing import Any

from loadtests.locust.levels import Latency, Level
from loadtests.locust.sample import COMPLETE, Sample


def sample(intended_s: float = 0.0, **changes: Any) -> Sample:
    """A good answer after 10 ms."""
    facts: dict[str, Any] = {
        "phase": 0,
        "late_s": 0.0,
        "waited_s": 0.0,
        "took_s": 0.010,
        "outcome": COMPLETE,
        "kind": "comment",
        "protocol": "unary",
    }
    return Sample(intended_s=intended_s, **{**facts, **changes})


def level(name: str = "steady", *, outcomes: Mapping[str, int] | None = None, **changes: Any) -> Level:
    """100 arrivals in 10 s, all good."""
    latency = Latency(10.0, 20.0, 30.0, 40.0)
    facts: dict[str, Any] = {
        "offered": 10.0,
        "duration_s": 10.0,
        "arrivals": 100,
        "good": 100,
        "from_intended": latency,
        "from_send": latency,
        "p99_by_kind_ms": {"comment": 30.0},
        "late_p99_ms": 1.0,
        "cpu_share": 0.2,
    }
    return Level(name=name, outcomes=outcomes or {COMPLETE: 100}, **{**facts, **changes})
