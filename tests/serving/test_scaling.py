"""Routers tell Serve what they have on their hands, and Serve gets as many as that needs."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from tests.serving.in_process import serving
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.moderation.budget import Budget
from tidegate.moderation.decision import DecisionRecord
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


class _HeldLedger(MemoryLedger):
    """Finds nothing, and that only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let_go = asyncio.Event(), asyncio.Event()

    async def get(self, decision_id: str) -> DecisionRecord | None:
        self.asked.set()
        await self.let_go.wait()
        return await super().get(decision_id)


@pytest.mark.integration
async def test_a_router_that_looks_up_a_decision_has_it_on_its_hands() -> None:
    ledger = _HeldLedger()
    async with serving(ledger=ledger) as served:
        assert served.router.ongoing == 0
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(refused(served.stub.GetDecision(pb.GetDecisionRequest(decision_id="none"))))
            await ledger.asked.wait()
            assert served.router.ongoing == 1
            ledger.let_go.set()
        assert call.result() is grpc.StatusCode.NOT_FOUND
        assert served.router.ongoing == 0


async def refused(call: Awaitable[object]) -> grpc.StatusCode:
    """With what code."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()
