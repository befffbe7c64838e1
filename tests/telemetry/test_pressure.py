"""What stages, admission and the ledger's writer have on their hands, from the real ones to what is sent."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.ledger.fake_store import FakeStore, held, put
from tests.telemetry.in_memory import InMemory
from tidegate.ledger.group_commit import GroupCommit
from tidegate.moderation.budget import Budget
from tidegate.moderation.errors import LedgerUnavailable, Overloaded
from tidegate.pipeline.batching import GreedyBatcher
from tidegate.serving.admission import Admission
from tidegate.serving.signals.visibility import Visibility
from tidegate.telemetry.names import MetricName
from tidegate.telemetry.otel_measures import OtelEventMetrics
from tidegate.telemetry.otel_pressure import OtelAdmissionMetrics, OtelLedgerMetrics, OtelStages, ongoing_calls
from tidegate.telemetry.pressure import LedgerFailure


async def let_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_stage_tells_its_queue_its_batches_and_which_of_them_failed() -> None:
    memory, gate, asked = InMemory(), asyncio.Event(), list[int]()

    async def answer(batch: Sequence[int]) -> Sequence[int]:
        asked.append(len(batch))
        await gate.wait()
        if 13 in batch:
            raise ValueError
        return batch

    batcher = GreedyBatcher(answer, max_batch=8, in_flight=1, metrics=OtelStages(memory.instruments).stage("text"))
    calls = [asyncio.create_task(batcher.submit(1))]
    await let_run()
    calls += [asyncio.create_task(batcher.submit(number)) for number in (2, 13)]
    await let_run()
    assert memory.values(MetricName.STAGE_WAITING) == {("text",): 2}
    assert memory.values(MetricName.STAGE_UNDER_WAY) == {("text",): 1}
    gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert asked == [1, 2]
    assert memory.values(MetricName.STAGE_WAITING) == {("text",): 0}
    assert memory.values(MetricName.STAGE_BATCH_SIZE) == {("text",): 2}
    assert memory.values(MetricName.STAGE_BATCH_DURATION) == {("text", "answered"): 1, ("text", "failed"): 1}


async def test_a_router_tells_its_places_who_waits_and_who_was_shed() -> None:
    memory = InMemory()
    admission = Admission(under_way=1, waiting=1, metrics=OtelAdmissionMetrics(memory.instruments))
    async with admission.unary(Budget.of_ms(60_000)):

        async def wait(budget_ms: float) -> None:
            async with admission.unary(Budget.of_ms(budget_ms)):
                pass

        async def stream() -> None:
            async with admission.streamed():
                pass

        waiting = [asyncio.create_task(wait(60_000)), asyncio.create_task(stream())]
        await let_run()
        with pytest.raises(Overloaded):
            await wait(60_000)
        assert memory.values(MetricName.ADMISSION_UNDER_WAY) == {(): 1}
        assert memory.values(MetricName.ADMISSION_PLACES) == memory.values(MetricName.ADMISSION_LIMIT) == {(): 1}
        assert memory.values(MetricName.ADMISSION_WAITING) == {("unary",): 1, ("streamed",): 1}
    await asyncio.gather(*waiting)
    assert memory.values(MetricName.ADMISSION_SHED) == {("QUEUE_FULL",): 1, ("EXPECTED_LATE",): 0, ("WAITED_OUT",): 0}


async def test_a_call_that_waited_in_vain_is_shed_for_that() -> None:
    memory = InMemory()
    admission = Admission(under_way=1, waiting=1, metrics=OtelAdmissionMetrics(memory.instruments))
    async with admission.unary(Budget.of_ms(60_000)):
        with pytest.raises(Overloaded):
            async with admission.unary(Budget.of_ms(2)):
                pass
    assert memory.values(MetricName.ADMISSION_SHED) == {("QUEUE_FULL",): 0, ("EXPECTED_LATE",): 0, ("WAITED_OUT",): 1}


async def test_a_ledgers_writer_tells_who_waits_and_what_did_not_become_durable() -> None:
    memory, store = InMemory(), FakeStore()
    writer = GroupCommit(store, queue_limit=1, timeout_s=30, metrics=OtelLedgerMetrics(memory.instruments))
    assert memory.values(MetricName.LEDGER_FAILURES) == {(cause,): 0 for cause in LedgerFailure}
    first = await held(store, writer)
    second = asyncio.create_task(writer.run(put("second")))
    await let_run()
    assert memory.values(MetricName.LEDGER_WAITING) == {(): 1}
    with pytest.raises(LedgerUnavailable):
        await writer.run(put("one too many"))
    store.gate.set()
    await asyncio.gather(first, second)
    store.fail_with = OSError("disk")
    with pytest.raises(LedgerUnavailable):
        await writer.run(put("lost"))
    await writer.close()
    assert memory.values(MetricName.LEDGER_BATCH_SIZE) == {(): 2}
    assert memory.values(MetricName.LEDGER_COMMIT_DURATION) == {(): 2}
    assert memory.values(MetricName.LEDGER_FAILURES) == {("COMMIT",): 1, ("TIMEOUT",): 0, ("REFUSED",): 1, ("LOST",): 0}


def test_a_replica_tells_the_calls_that_it_has_taken_on() -> None:
    memory = InMemory()
    calls = ongoing_calls(memory.instruments)
    with calls, calls:
        assert memory.values(MetricName.ONGOING) == {(): 2}
    with pytest.raises(ZeroDivisionError), calls:
        raise ZeroDivisionError
    assert memory.values(MetricName.ONGOING) == {(): 0}


def test_events_are_visible_after_a_round_that_began_after_them_and_left_nothing_over() -> None:
    memory, now = InMemory(), [10.0]
    visibility = Visibility(OtelEventMetrics(memory.instruments), clock=lambda: now[0])
    visibility.acknowledged()
    begun = visibility.now_s()
    now[0] = 11.0
    visibility.acknowledged()
    visibility.caught_up(begun)
    assert memory.values(MetricName.EVENT_VISIBLE) == {(): 1}, "the second came while the round was under way"
    visibility.caught_up(visibility.now_s())
    assert memory.values(MetricName.EVENT_VISIBLE) == {(): 2}
    visibility.acknowledged()
    visibility.forget()
    visibility.caught_up(visibility.now_s())
    assert memory.values(MetricName.EVENT_VISIBLE) == {(): 2}, "another process made them visible"
