"""Streams that a proxy resets because the router behind it died: a broken connection, not an answer."""

import grpc
import pytest

from tests.client.background_server import running
from tests.client.resetting_proxy import resetting
from tests.client.sample_items import comment, comments
from tests.serving.in_process import ListedLedger
from tidegate.client import AsyncTidegateClient, ModerationError, RetryPolicy, TidegateClient

ONCE = RetryPolicy(attempts=1)
INTERNAL_ERROR, CANCEL, REFUSED_STREAM = 2, 8, 7


@pytest.mark.parametrize("error_code", [INTERNAL_ERROR, CANCEL, REFUSED_STREAM])
async def test_a_reset_is_unavailable_however_grpc_reads_it(error_code: int) -> None:
    with running() as served, resetting(served.address, resets=99, error_code=error_code) as address:
        with TidegateClient(address, retry=ONCE) as client:
            with pytest.raises(ModerationError) as one:
                client.moderate(comment())
            (streamed,) = client.moderate_stream([comment()])
        async with AsyncTidegateClient(address, retry=ONCE) as other:
            with pytest.raises(ModerationError) as another:
                await other.moderate(comment())
            also_streamed = [result async for result in other.moderate_stream([comment()])]
    errors = [one.value, another.value, streamed.error, *(result.error for result in also_streamed)]
    assert [error.code if error else None for error in errors] == [grpc.StatusCode.UNAVAILABLE] * 4


@pytest.mark.parametrize("error_code", [INTERNAL_ERROR, CANCEL, REFUSED_STREAM])
async def test_what_was_reset_is_sent_again(error_code: int) -> None:
    ledger = ListedLedger()
    quick = RetryPolicy(attempts=20, first_delay_ms=100, longest_delay_ms=200)
    with running(ledger=ledger) as served:
        with (
            resetting(served.address, resets=2, error_code=error_code) as address,
            TidegateClient(address, retry=quick) as client,
        ):
            assert client.moderate(comment()).content_id == "c-1"
        with (
            resetting(served.address, resets=2, error_code=error_code) as address,
            TidegateClient(address, retry=quick) as client,
        ):
            assert [result.error for result in client.moderate_stream(comments(100))] == [None] * 100
        with resetting(served.address, resets=2, error_code=error_code) as address:
            async with AsyncTidegateClient(address, retry=quick) as other:
                results = [result async for result in other.moderate_stream(comments(100))]
    assert [result.error for result in results] == [None] * 100
    assert len(ledger.ids) == 201
