"""A version in shadow on a real Triton: served beside the live one, recorded, and nobody's reason."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.models.running_triton import PLACE, running
from tests.serving.in_process import ScriptedFeatures, ScriptedImages, ScriptedSpeech
from tests.serving.over_grpc import over_grpc
from tests.serving.requests import request
from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.models.catalogue import all_versions, catalogue
from tidegate.models.runtime.preparation import prepare
from tidegate.models.serving_profile import ProfileName
from tidegate.serving import composition
from tidegate.serving.settings import load_settings
from tidegate.serving.stage_ports import StagePorts
from tidegate.telemetry.setup import configure_tracing, tracer_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # a model server starts

LIVE = catalogue()["text_harm"].version
OTHER = [spec.version for spec in all_versions() if spec.name == "text_harm" and spec.version != LIVE]


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """To a server that decides with every other version of `text_harm` in shadow."""
    detectors = {"shadow": {"text_harm": OTHER}}
    chosen = composition.selection(load_settings(detectors=detectors))
    prepared = prepare(PLACE, ProfileName.CPU, report=lambda _: None, chosen=chosen)
    with running(tmp_path / "triton", repository=prepared.repository.root) as triton:
        settings = load_settings(
            state_dir=tmp_path,
            triton={"address": triton.address},
            detectors=detectors,
            budget={"shadow_grace_ms": 30_000},
        )
        provider = configure_tracing(service_name="test", endpoint=None)
        stages = StagePorts(
            features=ScriptedFeatures(),
            text=composition.text_detectors(settings, tracer_of(provider)),
            images=ScriptedImages(),
            speech=ScriptedSpeech(),
        )
        assert await stages.text.ready()
        parts = composition.router(settings, provider, stages=stages, records=MemoryLedger())
        async with over_grpc(parts) as channel:
            yield channel


@pytest.mark.skipif(not OTHER, reason="the catalogue has one version only")
async def test_it_is_scored_beside_the_live_one_and_decides_nothing(channel: grpc.aio.Channel) -> None:
    asked = request("I will find you and hurt you")
    asked.budget.FromSeconds(30)
    decision = (await ModerationServiceStub(channel).Moderate(asked)).decision
    runs = [run for run in decision.detectors if run.name == "text_harm"]
    ok = decision_pb2.DETECTOR_STATUS_OK
    assert [(run.version, run.shadow, run.status) for run in runs] == [
        (LIVE, False, ok),
        *((version, True, ok) for version in OTHER),
    ]
    assert {violation.score for violation in decision.violations} <= set(runs[0].scores.values())
