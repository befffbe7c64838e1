"""Callers who ask for a decision that retention removed are told so; a repeated request is decided anew."""

from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from tests.ledger.old_decisions import day, decided, retained, write
from tests.ledger.stores import SqliteStore
from tests.serving.in_process import Served, serving
from tests.serving.refusals import reason, status_of_call
from tests.serving.requests import request
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.ledger.retention_anchors import Removal
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.pipeline.recording import Uuid7Ids


def id_of(days_ago: int) -> str:
    """As it would have been made then."""
    milliseconds = int(decided(days_ago).decided_at.timestamp() * 1000)
    return f"{milliseconds:012x}{Uuid7Ids()()[12:]}"


async def refused(served: Served, decision_id: str) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await served.stub.GetDecision(pb.GetDecisionRequest(decision_id=decision_id))
    return error.value


async def test_a_removed_decision_is_not_found_and_the_reason_told(tmp_path: Path) -> None:
    store, removed, never = SqliteStore(tmp_path / "ledger.db"), id_of(9), id_of(5)
    await write(store, [replace(decided(9), decision_id=removed), decided(0)])
    async with serving(ledger=store.ledger()) as served:
        there = await served.stub.GetDecision(pb.GetDecisionRequest(decision_id=removed))
        assert there.decision.decision_id == removed
        retained(store, keep_days=3)
        gone, unknown = await refused(served, removed), await refused(served, never)
    assert [error.code() for error in (gone, unknown)] == [grpc.StatusCode.NOT_FOUND] * 2
    assert f"decisions of {day(9)} (UTC), the day that the id tells, were removed by retention on" in str(
        gone.details()
    )
    assert "(3 days are kept)" in str(gone.details())
    assert reason(status_of_call(gone)) == "DECISION_NOT_FOUND"
    assert unknown.details() == "no decision with this decision_id"


async def test_a_repeated_request_whose_decision_was_removed_is_decided_anew(tmp_path: Path) -> None:
    store, asked = SqliteStore(tmp_path / "ledger.db"), request()
    await write(store, [decided(9, idempotency_key="k", fingerprint="of another item")])
    asked.idempotency_key = "k"
    async with serving(ledger=store.ledger()) as served:
        with pytest.raises(grpc.aio.AioRpcError, match="used for another item"):
            await served.stub.Moderate(asked)
        retained(store, keep_days=3)
        first, again = [(await served.stub.Moderate(asked)).decision for _ in range(2)]
    assert (first.from_idempotency_key, again.from_idempotency_key) == (False, True)
    assert again.decision_id == first.decision_id


class _HalfReadableLedger(MemoryLedger):
    async def removal_of(self, decision_id: str) -> Removal | None:
        del decision_id
        raise LedgerUnavailable


async def test_a_decision_that_is_not_there_is_not_found_though_nobody_can_say_why() -> None:
    async with serving(ledger=_HalfReadableLedger()) as served:
        error = await refused(served, id_of(9))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no decision with this decision_id")
