"""What is tried again, how often, and that nothing is decided twice."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.client.background_server import running
from tests.client.sample_items import comment
from tests.client.scripted_service import ScriptedService, allowed, scripted
from tests.client.serving_process import ServingProcess
from tests.serving.in_process import ListedLedger
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import AsyncTidegateClient, ModerationError, RetryPolicy, TidegateClient
from tidegate.client.retry import Attempts
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable

QUICK = RetryPolicy(attempts=4, first_delay_ms=1.0, longest_delay_ms=2.0)


class _FlakyLedger(ListedLedger):
    """Refuses some appends, after or before it has kept the record."""

    def __init__(self, *, refusals: int, keeps: bool) -> None:
        super().__init__()
        self._left = refusals
        self._keeps = keeps
        self.attempts = 0

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        self.attempts += 1
        if self._left:
            self._left -= 1
            if self._keeps:
                await super().append(record)
            raise LedgerUnavailable
        return await super().append(record)


async def test_unavailable_is_tried_again_until_it_is_available() -> None:
    ledger = _FlakyLedger(refusals=3, keeps=False)
    with running(ledger=ledger) as served, TidegateClient(served.address, retry=QUICK) as client:
        decision = client.moderate(comment())
    assert (ledger.attempts, ledger.ids) == (4, {decision.decision_id})


async def test_unavailable_is_tried_again_by_the_async_client_too() -> None:
    ledger = _FlakyLedger(refusals=3, keeps=False)
    with running(ledger=ledger) as served:
        async with AsyncTidegateClient(served.address, retry=QUICK) as client:
            decision = await client.moderate(comment())
    assert (ledger.attempts, ledger.ids) == (4, {decision.decision_id})


async def test_a_decision_whose_answer_was_lost_is_not_made_again() -> None:
    ledger = _FlakyLedger(refusals=1, keeps=True)
    with running(ledger=ledger) as served, TidegateClient(served.address, retry=QUICK) as client:
        decision = client.moderate(comment())
    assert decision.from_idempotency_key
    assert ledger.ids == {decision.decision_id}


async def test_after_the_last_attempt_the_error_is_the_services_own() -> None:
    ledger = _FlakyLedger(refusals=99, keeps=False)
    with running(ledger=ledger) as served:
        with TidegateClient(served.address, retry=QUICK) as client, pytest.raises(ModerationError) as refused:
            client.moderate(comment())
        async with AsyncTidegateClient(served.address, retry=QUICK) as other:
            with pytest.raises(ModerationError):
                await other.moderate(comment())
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
    assert ledger.attempts == 8


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0] not in (0, 14)])
def test_no_other_status_is_tried_again(code: grpc.StatusCode) -> None:
    def refuses(_: pb.ModerateRequest, context: grpc.ServicerContext) -> pb.ModerateResponse:
        context.abort(code, "no")

    service = ScriptedService(unary=refuses)
    with (
        scripted(service) as address,
        TidegateClient(address, retry=QUICK) as client,
        pytest.raises(ModerationError) as refused,
    ):
        client.moderate(comment())
    assert refused.value.code is code
    assert len(service.requests) == 1


def test_every_attempt_carries_the_same_new_key() -> None:
    outcomes = iter([True, True, False])

    def twice_away(request: pb.ModerateRequest, context: grpc.ServicerContext) -> pb.ModerateResponse:
        if next(outcomes):
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        return allowed(request.item.content_id)

    service = ScriptedService(unary=twice_away)
    with scripted(service) as address, TidegateClient(address, retry=QUICK) as client:
        client.moderate(comment())
    keys = {request.idempotency_key for request in service.requests}
    assert len(service.requests) == 3
    assert len(keys) == 1
    assert keys != {""}


@pytest.fixture
def late_server(tmp_path: Path) -> Iterator[ServingProcess]:
    server = ServingProcess.on_a_free_port(tmp_path / "ledger.db")
    yield server
    server.kill()


@pytest.mark.integration
async def test_a_service_that_is_down_is_waited_for_as_the_policy_says(late_server: ServingProcess) -> None:
    patient = RetryPolicy(attempts=500, first_delay_ms=50, longest_delay_ms=200)
    with TidegateClient(late_server.address) as client, pytest.raises(ModerationError) as down:
        client.moderate(comment())
    assert down.value.code is grpc.StatusCode.UNAVAILABLE
    assert down.value.reason == "", "nobody answered"
    starting = threading.Thread(target=late_server.start)
    starting.start()
    async with AsyncTidegateClient(late_server.address, retry=patient) as other:
        with TidegateClient(late_server.address, retry=patient) as client:
            one, two = await asyncio.gather(
                asyncio.to_thread(client.moderate, comment("one"), budget_ms=60_000),
                other.moderate(comment("two"), budget_ms=60_000),
            )
    starting.join()
    assert (one.content_id, two.content_id) == ("one", "two")
    assert late_server.recorded() == {"one": 1, "two": 1}


def test_pauses_double_up_to_the_cap_with_full_jitter() -> None:
    policy = RetryPolicy(first_delay_ms=50, longest_delay_ms=300)
    assert [policy.delay_s(attempt, random_share=1.0) for attempt in (1, 2, 3, 4, 2000)] == [0.05, 0.1, 0.2, 0.3, 0.3]
    assert policy.delay_s(3, random_share=0.0) == 0.0
    assert 0.0 <= policy.delay_s(3) <= 0.2


def test_all_attempts_share_one_deadline() -> None:
    now_s = 0.0
    policy = RetryPolicy(attempts=100, first_delay_ms=0.0)
    attempts = Attempts(policy, deadline_s=6.0, clock=lambda: now_s)
    assert attempts.left_s() == 6.0
    now_s = 5.5
    assert attempts.pause_s(grpc.StatusCode.UNAVAILABLE) == 0.0
    assert attempts.left_s() == 0.5
    now_s = 6.0
    assert attempts.pause_s(grpc.StatusCode.UNAVAILABLE) is None, "no time is left for another attempt"
    assert attempts.left_s() == 0.0


def test_each_pause_is_told_and_the_end_of_patience_is_not() -> None:
    told: list[tuple[grpc.StatusCode, float]] = []
    policy = RetryPolicy(attempts=3, on_pause=lambda code, pause_s: told.append((code, pause_s)))
    attempts = Attempts(policy, deadline_s=60.0)
    paused = [attempts.pause_s(grpc.StatusCode.UNAVAILABLE) for _ in range(3)]
    assert told == [(grpc.StatusCode.UNAVAILABLE, pause_s) for pause_s in paused[:2]]
    assert paused[2] is None
