"""Who gets a place, who waits and who is sent away; and what a caller over real gRPC sees of it."""

import asyncio
from contextlib import AsyncExitStack, suppress

import grpc
import pytest
from google.rpc import error_details_pb2

from tests.serving.in_process import ScriptedText, serving
from tests.serving.refusals import reason, status_of_call
from tests.serving.requests import request
from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.budget import Budget
from tidegate.moderation.errors import Overloaded
from tidegate.serving.admission import STREAM_TURN, Admission
from tidegate.serving.places import LEAST, Places
from tidegate.serving.settings import load_settings

MAX_PLACES = 48


def _long() -> Budget:
    return Budget.of_ms(60_000)


async def _holding(admission: Admission, order: list[str], name: str, *, stream: bool = False) -> None:
    async with admission.streamed() if stream else admission.unary(_long()):
        order.append(name)


async def _let_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_beyond_those_that_may_wait_a_call_is_refused_with_when_to_come_back() -> None:
    admission = Admission(under_way=1, waiting=1)
    order: list[str] = []
    async with admission.unary(_long()):
        waiting = asyncio.create_task(_holding(admission, order, "waits"))
        await _let_run()
        with pytest.raises(Overloaded) as refused:
            await _holding(admission, order, "refused")
        assert refused.value.retry_after_s > 0
        assert order == []
    await waiting
    assert order == ["waits"]


async def test_unary_calls_go_before_items_of_streams_that_waited_longer() -> None:
    admission = Admission(under_way=1, waiting=10)
    order: list[str] = []
    async with admission.unary(_long()):
        streamed = asyncio.create_task(_holding(admission, order, "stream", stream=True))
        await _let_run()
        unary = asyncio.create_task(_holding(admission, order, "unary"))
        await _let_run()
    await asyncio.gather(streamed, unary)
    assert order == ["unary", "stream"]


async def test_a_stream_gets_its_turn_though_unary_calls_never_cease() -> None:
    admission = Admission(under_way=1, waiting=100)
    order: list[str] = []
    async with admission.unary(_long()):
        tasks = [asyncio.create_task(_holding(admission, order, "stream", stream=True))]
        tasks += [asyncio.create_task(_holding(admission, order, "unary")) for _ in range(3 * STREAM_TURN)]
        await _let_run()
    await asyncio.gather(*tasks)
    assert order.index("stream") < STREAM_TURN


async def test_a_call_that_would_wait_past_half_of_its_budget_is_refused_when_that_is_gone() -> None:
    admission = Admission(under_way=1, waiting=10)
    async with admission.unary(_long()):
        with pytest.raises(Overloaded):
            async with admission.unary(Budget.of_ms(20)):
                pytest.fail("there was no place")
    async with admission.unary(Budget.of_ms(1_000)):
        pass  # the place of the refused call was not lost


async def test_the_wait_is_foreseen_from_how_fast_places_become_free() -> None:
    now = [0.0]
    admission = Admission(under_way=1, waiting=1_000, clock=lambda: now[0])
    order: list[str] = []
    async with AsyncExitStack() as first:
        await first.enter_async_context(admission.unary(_long()))
        slow = [asyncio.create_task(_taking(admission, now, seconds=1.0)) for _ in range(100)]
        await _let_run()
    await asyncio.gather(*slow)
    async with admission.unary(_long()):
        before = [asyncio.create_task(_holding(admission, order, "before")) for _ in range(5)]
        await _let_run()
        with pytest.raises(Overloaded) as refused:
            await admission.unary(Budget.of_ms(2_000)).__aenter__()
        assert refused.value.retry_after_s == pytest.approx(6.0, rel=0.1)
    await asyncio.gather(*before)


async def _taking(admission: Admission, now: list[float], *, seconds: float) -> None:
    async with admission.unary(_long()):
        now[0] += seconds


@pytest.mark.parametrize("stream", [False, True])
async def test_callers_that_give_up_leave_no_place_taken(*, stream: bool) -> None:
    admission = Admission(under_way=1, waiting=10)
    order: list[str] = []
    async with admission.unary(_long()):
        gone = asyncio.create_task(_holding(admission, order, "gone", stream=stream))
        await _let_run()
        gone.cancel()
        late = asyncio.create_task(_holding(admission, order, "late", stream=stream))
        await _let_run()
    late.cancel()  # its place has just come
    await asyncio.gather(gone, late, return_exceptions=True)
    await asyncio.wait_for(_holding(admission, order, "next"), 1)
    assert order[-1] == "next"


async def test_callers_without_time_leave_no_place_taken() -> None:
    admission = Admission(under_way=8, waiting=10)
    order: list[str] = []
    for _ in range(200):
        calls = [_without_time(admission) for _ in range(8)]
        await asyncio.gather(*calls, *[_holding(admission, order, "stream", stream=True) for _ in range(4)])
    assert admission.ongoing == 0
    async with AsyncExitStack() as all_places:
        for _ in range(8):
            await all_places.enter_async_context(admission.streamed())


async def _without_time(admission: Admission) -> None:
    with suppress(Overloaded):
        async with admission.unary(Budget.of_ms(0)):
            await asyncio.sleep(0)


async def test_places_are_halved_while_answers_lack_what_was_late() -> None:
    places, admission = MAX_PLACES, Admission(under_way=MAX_PLACES, waiting=0)
    for _ in range(40):
        calls = [asyncio.create_task(_late(admission)) for _ in range(places)]
        await asyncio.gather(*calls, return_exceptions=True)
        places = await _free(admission)
        if places <= MAX_PLACES / 4:
            break
    assert LEAST <= places <= MAX_PLACES / 4


async def _late(admission: Admission) -> None:
    async with admission.unary(_long()) as place:
        await asyncio.sleep(0)
        place.late = True


async def _free(admission: Admission) -> int:
    """How many are let in at the same time, in a router without calls."""
    async with AsyncExitStack() as taken:
        for number in range(MAX_PLACES):
            try:
                await taken.enter_async_context(admission.unary(Budget.of_ms(60_000)))
            except Overloaded:
                return number
    return MAX_PLACES


@pytest.mark.parametrize(("delay_s", "late"), [(0.0, False), (5.0, True)])
async def test_admission_is_told_what_came_too_late_for_its_answer(
    delay_s: float, *, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    worked = Places.worked

    def listen(places: Places, work_s: float, budget_s: float, *, late: bool) -> None:
        told.append(late)
        worked(places, work_s, budget_s, late=late)

    monkeypatch.setattr(Places, "worked", listen)
    async with serving(text=ScriptedText(delay_s=delay_s)) as served:
        asked = request()
        asked.budget.FromMilliseconds(50 if late else 10_000)
        asked.idempotency_key = "once"
        first = await served.stub.Moderate(asked)
        again = await served.stub.Moderate(asked)
    assert first.decision.completeness == (
        decision_pb2.COMPLETENESS_PARTIAL if late else decision_pb2.COMPLETENESS_COMPLETE
    )
    assert again.decision.from_idempotency_key
    assert told == [late, False]  # what is only read again keeps nobody waiting


async def test_an_overloaded_router_sheds_calls_and_slows_streams() -> None:
    settings = load_settings()
    narrow = settings.model_copy(
        update={"grpc": settings.grpc.model_copy(update={"max_under_way": 1, "max_waiting": 0})}
    )
    text = ScriptedText(delay_s=0.05)
    async with serving(text=text, settings=narrow) as served:
        items = [pb.ModerateStreamRequest(correlation_id=f"c-{number}", request=request()) for number in range(4)]
        stream = served.stub.ModerateStream(iter(items))
        while not text.most_under_way:  # noqa: ASYNC110 - the stage counts, it does not tell
            await asyncio.sleep(0.001)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(request())
        answers = [answer async for answer in stream]
    status = status_of_call(refused.value)
    assert (refused.value.code(), reason(status)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status.details)
    assert {answer.WhichOneof("outcome") for answer in answers} == {"decision"}
    assert text.most_under_way == 1


async def test_a_callers_deadline_ends_its_budget_too() -> None:
    settings = load_settings(batching={"text_cache_entries": 0}, budget={"reserve_ms": 1_000})
    async with serving(text=ScriptedText(delay_s=30.0), settings=settings) as served:
        asked = request()
        asked.budget.FromMilliseconds(10_000)
        answer = await served.stub.Moderate(asked, timeout=2.0)
    assert answer.decision.completeness == decision_pb2.COMPLETENESS_PARTIAL
