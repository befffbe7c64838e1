"""Streams whose server or ledger refuses, is not there or falls silent: nothing is lost, and nothing hangs."""

import threading
from collections import Counter
from collections.abc import Iterator

import grpc
import pytest

from tests.client.background_server import running
from tests.client.sample_items import comment, comments
from tests.client.scripted_service import ScriptedService, scripted, streamed
from tests.client.waiting import client_threads, eventually
from tests.serving.in_process import ListedLedger
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import AsyncTidegateClient, ContentItem, RetryPolicy, StreamResult, TidegateClient
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable

Requests = Iterator[pb.ModerateStreamRequest]
Responses = Iterator[pb.ModerateStreamResponse]

NO_RETRY = RetryPolicy(attempts=1)
QUICK = RetryPolicy(attempts=4, first_delay_ms=1.0, longest_delay_ms=2.0)


def _codes(results: list[StreamResult]) -> Counter[grpc.StatusCode | None]:
    return Counter(result.error.code if result.error else None for result in results)


class _ShutLedger(ListedLedger):
    """Refuses the first few appends of each item."""

    def __init__(self, *, refusals: int) -> None:
        super().__init__()
        self._refusals = refusals
        self._refused: Counter[str] = Counter()

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        self._refused[record.content_id] += 1
        if self._refused[record.content_id] <= self._refusals:
            raise LedgerUnavailable
        return await super().append(record)


def test_an_item_that_the_ledger_could_not_take_is_sent_again_over_the_same_stream() -> None:
    ledger = _ShutLedger(refusals=2)
    with running(ledger=ledger) as served, TidegateClient(served.address, retry=QUICK) as client:
        results = list(client.moderate_stream(comments(50)))
    assert _codes(results) == {None: 50}
    assert len(ledger.ids) == 50


def test_a_ledger_that_stays_shut_leaves_its_own_error() -> None:
    with running(ledger=_ShutLedger(refusals=99)) as served, TidegateClient(served.address, retry=QUICK) as client:
        results = list(client.moderate_stream(comments(50)))
    assert _codes(results) == {grpc.StatusCode.UNAVAILABLE: 50}
    assert {result.error.reason for result in results if result.error} == {"LEDGER_UNAVAILABLE"}


def test_nothing_listening_answers_every_item_and_ends() -> None:
    with running() as served:
        address = served.address
    with TidegateClient(address) as client:
        results = list(client.moderate_stream(comments(500)))
    assert _codes(results) == {grpc.StatusCode.UNAVAILABLE: 500}
    assert eventually(lambda: not client_threads())


async def test_nothing_listening_answers_every_item_of_the_async_client_and_ends() -> None:
    with running() as served:
        address = served.address
    async with AsyncTidegateClient(address) as client:
        results = [result async for result in client.moderate_stream(comments(500))]
    assert _codes(results) == {grpc.StatusCode.UNAVAILABLE: 500}


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED])
async def test_a_stream_that_is_refused_as_a_whole_is_not_tried_again(code: grpc.StatusCode) -> None:
    def refuses(_: Requests, context: grpc.ServicerContext) -> Responses:
        context.abort(code, "not for you")

    service = ScriptedService(stream=refuses)
    with scripted(service) as address:
        with TidegateClient(address, retry=QUICK) as client:
            assert _codes(list(client.moderate_stream([comment()]))) == {code: 1}
        assert service.streams == 1
        async with AsyncTidegateClient(address, retry=QUICK) as other:
            assert _codes([result async for result in other.moderate_stream([comment()])]) == {code: 1}
        # grpcio's asyncio stack may lose the refusal to the message it is writing; the next call listens first.
        assert service.streams <= 3


async def test_a_server_that_ends_its_side_is_asked_again_for_what_it_owes() -> None:
    """As one that drains for a restart: each stream gives one answer and ends well."""

    def draining(requests: Requests, _: grpc.ServicerContext) -> Responses:
        yield streamed(next(requests))

    service = ScriptedService(stream=draining)
    many = RetryPolicy(attempts=50, first_delay_ms=1.0, longest_delay_ms=2.0)
    with scripted(service) as address:
        with TidegateClient(address, retry=many) as client:
            assert _codes(list(client.moderate_stream(comments(5)))) == {None: 5}
        assert service.streams == 5
        async with AsyncTidegateClient(address, retry=many) as other:
            assert _codes([result async for result in other.moderate_stream(comments(5))]) == {None: 5}
        assert service.streams >= 10


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed within a fraction of a second, not within seconds."""
    monkeypatch.setattr("tidegate.client.channel.RECORDING_SLACK_S", 0.1)
    monkeypatch.setattr("tidegate.client.blocking_stream.NOTICING_S", 0.05)
    monkeypatch.setattr("tidegate.client.aio_stream.NOTICING_S", 0.05)


@pytest.mark.usefixtures("soon_silent")
async def test_a_server_that_never_answers_is_given_up() -> None:
    def silent(requests: Requests, _: grpc.ServicerContext) -> Responses:
        for request in requests:
            if request.request.item.content_id == "loud":
                yield streamed(request)

    items = [comment("loud"), comment("lost"), comment("also lost")]
    with scripted(ScriptedService(stream=silent)) as address:
        with TidegateClient(address, retry=NO_RETRY) as client:
            results = list(client.moderate_stream(items, budget_ms=100))
        async with AsyncTidegateClient(address, retry=NO_RETRY) as other:
            results += [result async for result in other.moderate_stream(items, budget_ms=100)]
    assert _codes(results) == {None: 2, grpc.StatusCode.UNAVAILABLE: 4}


@pytest.mark.usefixtures("soon_silent")
async def test_what_a_stream_fell_silent_about_is_sent_again_over_another() -> None:
    """As HAProxy does with a stream that it holds while the router starts again."""
    service = ScriptedService()

    def silent_at_first(requests: Requests, _: grpc.ServicerContext) -> Responses:
        first = service.streams % 2 == 1
        for request in requests:
            if not first:
                yield streamed(request)

    service.stream = silent_at_first
    with scripted(service) as address:
        with TidegateClient(address, retry=QUICK) as client:
            assert _codes(list(client.moderate_stream(comments(10), budget_ms=100))) == {None: 10}
        assert service.streams == 2
        async with AsyncTidegateClient(address, retry=QUICK) as other:
            assert _codes([result async for result in other.moderate_stream(comments(10), budget_ms=100)]) == {None: 10}
        assert service.streams == 4


@pytest.mark.usefixtures("soon_silent")
def test_a_quiet_source_is_not_taken_for_a_silent_server() -> None:
    pause = threading.Event()

    def slow() -> Iterator[ContentItem]:
        yield comment("first")
        pause.wait(0.5)
        yield comment("second")

    with scripted(service := ScriptedService()) as address, TidegateClient(address) as client:
        assert _codes(list(client.moderate_stream(slow(), budget_ms=50))) == {None: 2}
    assert service.streams == 1
