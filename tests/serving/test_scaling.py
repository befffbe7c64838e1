"""Routers tell Serve what they have on their hands, and Serve gets as many as that needs."""

import asyncio
from typing import Any

import pytest
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from tidegate.moderation.budget import Budget
from tidegate.serving.admission import Admission
from tidegate.serving.scaling import ONGOING, by_ongoing_requests


def _context(told: dict[str, float], *, current: int, target_ongoing: float = 24) -> AutoscalingContext:
    values: dict[str, Any] = dict.fromkeys(
        [
            *("deployment_id", "deployment_name", "app_name", "running_replicas", "total_num_requests"),
            *("total_queued_requests", "raw_metrics", "policy_state", "last_scale_up_time", "last_scale_down_time"),
            "current_time",
        ]
    )
    values |= {
        "current_num_replicas": current,
        "target_num_replicas": current,
        "aggregated_metrics": {ONGOING: told} if told else {},
        "capacity_adjusted_min_replicas": 1,
        "capacity_adjusted_max_replicas": 40,
        "config": AutoscalingConfig(min_replicas=1, max_replicas=40, target_ongoing_requests=target_ongoing),
    }
    return AutoscalingContext(**values)


@pytest.mark.parametrize(
    ("told", "current", "wanted"),
    [
        ({"a": 24.0, "b": 24.0}, 2, 2.0),
        ({"a": 48.0, "b": 48.0}, 2, 4.0),
        ({"a": 6.0, "b": 6.0}, 2, 0.5),
        ({"a": 48.0}, 2, 2.0),
        ({"a": 120.0}, 2, 5.0),
        ({"a": 12.0}, 2, 1.0),
        ({}, 3, 3),
    ],
    ids=[
        "as they are",
        "twice as busy",
        "nearly idle",
        "a new one has not told yet",
        "the other is too busy for two",
        "the other is half idle",
        "nobody has told yet",
    ],
)
def test_there_are_as_many_routers_as_keep_the_target_each(told: dict[str, float], current: int, wanted: float) -> None:
    decided, _ = by_ongoing_requests(_context(told, current=current))
    assert decided == wanted


async def test_requests_that_wait_are_counted_with_those_that_are_worked_on() -> None:
    admission, done = Admission(under_way=1, waiting=8), asyncio.Event()

    async def ask() -> None:
        async with admission.unary(Budget.of_ms(60_000)):
            await done.wait()

    assert admission.ongoing == 0
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(ask())
        await asyncio.sleep(0)  # one has a place, two wait
        assert admission.ongoing == 3
        done.set()
    assert admission.ongoing == 0
