"""Greedy micro-batching: no wait but on crowded cores, never more than allowed under way, to each its own answer."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.pipeline.batching import GreedyBatcher
from tidegate.telemetry import core_wait


class _Stage:
    def __init__(self, delays_s: Sequence[float] = ()) -> None:
        self.batches: list[list[int]] = []
        self.under_way = 0
        self.most_under_way = 0
        self._delays = list(delays_s)

    async def run(self, batch: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(batch))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self._delays.pop() if self._delays else 0)
            return [number * 10 for number in batch]
        finally:
            self.under_way -= 1


async def test_an_idle_stage_is_sent_a_lone_request_at_once() -> None:
    stage = _Stage()
    batcher = GreedyBatcher(stage.run, max_batch=8, in_flight=1)
    assert await batcher.submit(1) == 10
    assert stage.batches == [[1]]


async def test_what_arrives_while_the_stage_is_busy_goes_out_together() -> None:
    stage = _Stage()
    batcher = GreedyBatcher(stage.run, max_batch=8, in_flight=1)
    first = asyncio.create_task(batcher.submit(0))
    for _ in range(3):
        await asyncio.sleep(0)
    assert stage.under_way == 1
    answers = await asyncio.gather(*(batcher.submit(number) for number in range(1, 10)))
    assert [await first, *answers] == [number * 10 for number in range(10)]
    assert stage.batches == [[0], [1, 2, 3, 4, 5, 6, 7, 8], [9]]


async def test_what_comes_in_one_turn_of_the_loop_goes_out_together() -> None:
    stage = _Stage()
    batcher = GreedyBatcher(stage.run, max_batch=8, in_flight=1)
    await asyncio.gather(*(batcher.submit(number) for number in range(5)))
    assert stage.batches == [[0, 1, 2, 3, 4]]


async def test_beside_a_batch_under_way_another_goes_only_half_full() -> None:
    stage = _Stage([0.05, 0.05])
    batcher = GreedyBatcher(stage.run, max_batch=8, in_flight=2)
    tasks = []
    for number in range(6):
        tasks.append(asyncio.create_task(batcher.submit(number)))
        for _ in range(3):
            await asyncio.sleep(0)
    assert stage.batches == [[0], [1, 2, 3, 4]]
    await asyncio.gather(*tasks)
    assert stage.batches == [[0], [1, 2, 3, 4], [5]]


async def arriving(batcher: GreedyBatcher[int, int], numbers: range) -> list[asyncio.Task[int]]:
    """Requests that come one by one, some turns of the loop apart."""
    tasks = []
    for number in numbers:
        tasks.append(asyncio.create_task(batcher.submit(number)))
        for _ in range(3):
            await asyncio.sleep(0)
    return tasks


async def test_where_cores_are_crowded_work_gathers_while_the_stage_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_wait, "LONGEST_REST_S", 0.3)
    stage = _Stage([0.0, 0.3])
    batcher = GreedyBatcher(stage.run, max_batch=16, in_flight=1, waits=lambda: 1.0)
    assert await batcher.submit(0) == 0
    assert await asyncio.gather(*await arriving(batcher, range(1, 4))) == [10, 20, 30]
    assert stage.batches == [[0], [1, 2, 3]]


class _HourLong(_Stage):
    """A stage that takes an hour by its own clock, and so would the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    async def run(self, batch: Sequence[int]) -> Sequence[int]:
        self.now_s += 3_600.0
        return await super().run(batch)

    def clock(self) -> float:
        return self.now_s


async def test_half_a_batch_ends_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_wait, "LONGEST_REST_S", 3_600.0)
    stage = _HourLong()
    batcher = GreedyBatcher(stage.run, max_batch=6, in_flight=1, waits=lambda: 1.0, clock=stage.clock)
    assert await batcher.submit(0) == 0
    assert await asyncio.gather(*await arriving(batcher, range(1, 4))) == [10, 20, 30]
    assert stage.batches == [[0], [1, 2, 3]]


async def test_where_cores_are_not_crowded_nothing_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_wait, "LONGEST_REST_S", 3_600.0)
    stage = _HourLong()
    waits = core_wait.CROWDED / 2
    batcher = GreedyBatcher(stage.run, max_batch=16, in_flight=1, waits=lambda: waits, clock=stage.clock)
    assert [await batcher.submit(number) for number in range(3)] == [0, 10, 20]
    assert stage.batches == [[0], [1], [2]]


@settings(deadline=None, max_examples=50)
@given(
    count=st.integers(1, 60),
    max_batch=st.integers(1, 9),
    in_flight=st.integers(1, 4),
    delays=st.lists(st.sampled_from([0.0, 0.001]), max_size=60),
)
def test_limits_hold_and_nobody_is_forgotten(count: int, max_batch: int, in_flight: int, delays: list[float]) -> None:
    stage = _Stage(delays)

    async def run() -> list[int]:
        batcher = GreedyBatcher(stage.run, max_batch=max_batch, in_flight=in_flight)
        return await asyncio.gather(*(batcher.submit(number) for number in range(count)))

    assert asyncio.run(run()) == [number * 10 for number in range(count)]
    assert sorted(number for batch in stage.batches for number in batch) == list(range(count))
    assert max(len(batch) for batch in stage.batches) <= max_batch
    assert stage.most_under_way <= in_flight


async def test_a_caller_that_gave_up_is_not_sent() -> None:
    stage = _Stage([0.05])
    batcher = GreedyBatcher(stage.run, max_batch=8, in_flight=1)
    first = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    second = asyncio.create_task(batcher.submit(2))
    await asyncio.sleep(0)
    second.cancel()
    third = asyncio.create_task(batcher.submit(3))
    assert await first == 10
    assert await third == 30
    assert stage.batches == [[1], [3]]


async def test_a_batch_that_breaks_fails_its_own_callers_and_the_next_batch_runs() -> None:
    async def run(batch: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        if 1 in batch:
            raise ValueError("broken")
        return list(batch)

    batcher = GreedyBatcher(run, max_batch=1, in_flight=1)
    first, second = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
    assert isinstance(first, ValueError)
    assert second == 2


async def test_a_stage_that_answers_too_few_fails_the_batch_instead_of_mixing_answers_up() -> None:
    async def run(batch: Sequence[int]) -> Sequence[int]:
        return list(batch)[1:]

    with pytest.raises(ValueError, match="shorter"):
        await GreedyBatcher(run, max_batch=4, in_flight=1).submit(1)
