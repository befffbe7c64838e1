"""The composition root's own stages in one process, over a real Triton: what the colocated topology does."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.detectors.image_samples import encoded, lettering, picture
from tests.detectors.spoken import spoken
from tests.models.running_triton import running
from tests.serving.in_process import ScriptedFeatures
from tests.serving.over_grpc import over_grpc
from tests.serving.requests import request
from tidegate.api.moderation.v1 import content_pb2, decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.serving import composition
from tidegate.serving.settings import load_settings
from tidegate.serving.stage_ports import StagePorts
from tidegate.telemetry.setup import configure_tracing, tracer_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # a model server starts, and models load


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """To a server over the stages that the composition root makes."""
    with running(tmp_path / "triton") as triton:
        settings = load_settings(state_dir=tmp_path, triton={"address": triton.address})
        provider = configure_tracing(service_name="test", endpoint=None)
        tracer = tracer_of(provider)
        stages = StagePorts(
            features=ScriptedFeatures(),
            text=composition.text_detectors(settings, tracer),
            images=composition.image_detectors(settings, tracer),
            speech=composition.speech_detectors(settings, tracer),
        )
        parts = composition.router(settings, provider, stages=stages, records=MemoryLedger())
        async with over_grpc(parts) as channel:
            yield channel


def _asking(surface: content_pb2.Surface.ValueType, **parts: bytes) -> pb.ModerateRequest:
    asked = request()
    asked.item.surface = surface
    asked.budget.FromSeconds(30)
    del asked.item.parts[:]
    for name, data in parts.items():
        made = asked.item.parts.add(id=name)
        (made.audio if name == "clip" else made.image).data = data
    return asked


def _runs(decision: decision_pb2.Decision, part: str) -> dict[str, str]:
    return {
        run.name: decision_pb2.DetectorStatus.Name(run.status).removeprefix("DETECTOR_STATUS_")
        for run in decision.detectors
        if run.part == part
    }


async def test_pictures_and_their_words_and_speech_are_decided_on(channel: grpc.aio.Channel) -> None:
    stub = ModerationServiceStub(channel)
    asked = _asking(
        content_pb2.SURFACE_COMMENT,
        plain=encoded(picture()),
        words=encoded(lettering("I will find\nyou and hurt\nyou")),
        clip=spoken("flac"),
    )
    decision = (await stub.Moderate(asked)).decision
    while "PENDING" in _runs(decision, "clip").values():
        decision = (await stub.Moderate(asked)).decision
    statuses = {part.id: _runs(decision, part.id) for part in decision.parts}
    assert decision.action == decision_pb2.ACTION_BLOCK, statuses
    fired = [violation for violation in decision.violations if violation.value == decision_pb2.RULE_VALUE_TRUE]
    assert {violation.part for violation in fired if violation.category == "threat"} == {"words"}
    plain, clip = statuses["plain"], statuses["clip"]
    assert (plain["image_unsafe"], plain["image_text"], plain["text_harm"]) == ("OK", "NO_CONTENT", "NO_CONTENT")
    assert (clip["audio_speech"], clip["text_harm"]) == ("OK", "OK")
    spoken_run = next(run for run in decision.detectors if (run.part, run.name) == ("clip", "text_harm"))
    assert 0 <= spoken_run.moments["hate"].start_ms < spoken_run.moments["hate"].end_ms <= 11_000
    assert decision.completeness == decision_pb2.COMPLETENESS_COMPLETE, statuses
