"""Streams whose server is killed: nothing is lost, and nothing is decided twice."""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from tests.client.sample_items import comment, comments
from tests.client.serving_process import ServingProcess
from tidegate.client import AsyncTidegateClient, ContentItem, RetryPolicy, StreamResult, TidegateClient

pytestmark = pytest.mark.integration

NO_RETRY = RetryPolicy(attempts=1)
PATIENT = RetryPolicy(attempts=500, first_delay_ms=50.0, longest_delay_ms=200.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServingProcess]:
    made = ServingProcess.on_a_free_port(tmp_path / "ledger.db", delay_s=0.01)
    made.start()
    yield made
    made.kill()


def _codes(results: list[StreamResult]) -> Counter[grpc.StatusCode | None]:
    return Counter(result.error.code if result.error else None for result in results)


def test_without_retries_a_killed_server_leaves_unavailable_for_every_item_it_did_not_answer(
    server: ServingProcess,
) -> None:
    results: list[StreamResult] = []
    with TidegateClient(server.address, retry=NO_RETRY) as client:
        for result in client.moderate_stream(comments(1_500)):
            results.append(result)
            if len(results) == 100:
                server.kill()
    assert Counter(result.item.content_id for result in results) == Counter(str(number) for number in range(1_500))
    codes = _codes(results)
    assert set(codes) == {None, grpc.StatusCode.UNAVAILABLE}
    recorded = server.recorded()
    decided = {result.item.content_id for result in results if result.decision}
    assert decided <= recorded.keys(), "what was acknowledged is in the ledger"
    assert set(recorded.values()) == {1}


def test_a_killed_server_that_comes_back_costs_nothing(server: ServingProcess) -> None:
    results: list[StreamResult] = []
    with TidegateClient(server.address, retry=PATIENT) as client:
        for result in client.moderate_stream(comments(1_500)):
            results.append(result)
            if len(results) in (100, 700):
                server.kill()
                server.start()
    assert _codes(results) == {None: 1_500}
    assert server.recorded() == Counter(str(number) for number in range(1_500))


async def test_a_killed_server_that_comes_back_costs_the_async_client_nothing(server: ServingProcess) -> None:
    results: list[StreamResult] = []

    async def source() -> AsyncIterator[ContentItem]:
        for item in comments(1_500):
            yield item

    async with AsyncTidegateClient(server.address, retry=PATIENT) as client:
        async for result in client.moderate_stream(source()):
            results.append(result)
            if len(results) == 100:
                server.kill()
                server.start()
    assert _codes(results) == {None: 1_500}
    assert server.recorded() == Counter(str(number) for number in range(1_500))


def test_an_item_under_way_is_sent_again_while_the_source_is_quiet(server: ServingProcess) -> None:
    """A caller that waits for each answer before it gives the next item must not wait for ever."""
    answered = threading.Event()

    def one_at_a_time() -> Iterator[ContentItem]:
        for number in range(3):
            answered.clear()
            yield comment(str(number))
            if number == 0:
                server.kill()
                threading.Thread(target=server.start).start()
            assert answered.wait(60)

    seen = []
    with TidegateClient(server.address, retry=PATIENT) as client:
        for result in client.moderate_stream(one_at_a_time(), budget_ms=10_000):
            assert result.decision is not None
            seen.append(result.item.content_id)
            answered.set()
    assert seen == ["0", "1", "2"]
    assert server.recorded() == Counter(seen)
