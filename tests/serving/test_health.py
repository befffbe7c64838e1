"""grpc.health.v1 tells whether decisions can be made."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving.in_process import ScriptedFeatures, ScriptedText, serving
from tidegate.ledger.memory_adapter import MemoryLedger

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE = "tidegate.api.moderation.v1.ModerationService"


class _SwitchedLedger(MemoryLedger):
    writable = True

    async def ready(self) -> bool:
        return self.writable


async def _check(channel: grpc.aio.Channel, service: str = "") -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))  # type: ignore[attr-defined]  # the stubs leave methods out
    return int(answer.status)


async def test_not_serving_until_detectors_and_features_were_reachable_then_serving_through_their_outages() -> None:
    text, features = ScriptedText(reachable=False), ScriptedFeatures(reachable=False)
    async with serving(text=text, features=features) as served:
        assert await _check(served.channel) == NOT_SERVING
        text.reachable = True
        assert await _check(served.channel, SERVICE) == NOT_SERVING
        features.reachable = True
        assert await _check(served.channel) == SERVING
        text.reachable = features.reachable = False
        assert await _check(served.channel, SERVICE) == SERVING


async def test_not_serving_while_the_ledger_can_not_be_written() -> None:
    ledger = _SwitchedLedger()
    async with serving(ledger=ledger) as served:
        assert await _check(served.channel) == SERVING
        ledger.writable = False
        assert await _check(served.channel) == NOT_SERVING
        ledger.writable = True
        assert await _check(served.channel) == SERVING


async def test_an_unknown_service_is_not_found() -> None:
    async with serving() as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _check(served.channel, "somebody.Else")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_watch_tells_of_every_change() -> None:
    ledger = _SwitchedLedger()
    async with serving(ledger=ledger) as served:
        watch = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest())  # type: ignore[attr-defined]  # the stubs leave methods out
        assert (await watch.read()).status == SERVING
        ledger.writable = False
        assert (await watch.read()).status == NOT_SERVING
        watch.cancel()
