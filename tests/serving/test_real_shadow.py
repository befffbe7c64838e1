"""Two versions of a detector side by side on a real Triton: settings say which decides and which is tried out."""

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.models.another_version import another_version
from tests.models.running_triton import PLACE, running
from tests.serving.in_process import ScriptedFeatures, ScriptedImages, ScriptedSpeech
from tests.serving.over_grpc import over_grpc
from tests.serving.requests import request
from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.models.catalogue import catalogue
from tidegate.models.runtime.preparation import prepare
from tidegate.models.serving_profile import ProfileName
from tidegate.serving import composition
from tidegate.serving.settings import Settings, load_settings
from tidegate.serving.stage_ports import StagePorts
from tidegate.telemetry.setup import configure_tracing, tracer_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # a model server starts

OLD = catalogue()["text_harm"].version
MILDER_BY = 6.0
THREAT = "I will find you and hurt you"


@dataclass
class BothServed:
    """One Triton that serves both versions."""

    address: str
    new: str
    """The second version."""
    state: Path

    def settings(self, *, live: str, shadow: str) -> Settings:
        """One version decides, the other is tried out."""
        return load_settings(
            state_dir=self.state,
            triton={"address": self.address},
            detectors={"live": {"text_harm": live}, "shadow": {"text_harm": [shadow]}},
            budget={"shadow_grace_ms": 30_000},
        )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServed]:
    work = tmp_path_factory.mktemp("versions")
    with another_version(work / "catalogue", milder_by=MILDER_BY) as new:
        made = BothServed("", new.version, work)
        chosen = composition.selection(made.settings(live=OLD, shadow=new.version))
        repository = prepare(PLACE, ProfileName.CPU, report=lambda _: None, chosen=chosen).repository
        with running(work / "triton", repository=repository.root) as triton:
            made.address = triton.address
            yield made


@asynccontextmanager
async def _deciding(settings: Settings) -> AsyncIterator[decision_pb2.Decision]:
    """A decision on a threat by a router with these settings."""
    provider = configure_tracing(service_name="test", endpoint=None)
    stages = StagePorts(
        features=ScriptedFeatures(),
        text=composition.text_detectors(settings, tracer_of(provider)),
        images=ScriptedImages(),
        speech=ScriptedSpeech(),
    )
    assert await stages.text.ready()
    asked = request(THREAT)
    asked.budget.FromSeconds(30)
    parts = composition.router(settings, provider, stages=stages, records=MemoryLedger())
    async with over_grpc(parts) as channel:
        yield (await ModerationServiceStub(channel).Moderate(asked)).decision


def _runs(decision: decision_pb2.Decision) -> list[decision_pb2.DetectorRun]:
    return [run for run in decision.detectors if run.name == "text_harm"]


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


async def test_a_version_in_shadow_is_scored_beside_the_live_one_and_decides_nothing(both: BothServed) -> None:
    async with _deciding(both.settings(live=OLD, shadow=both.new)) as decision:
        live, tried = _runs(decision)
    ok = decision_pb2.DETECTOR_STATUS_OK
    assert (live.version, live.shadow, live.status) == (OLD, False, ok)
    assert (tried.version, tried.shadow, tried.status) == (both.new, True, ok)
    threats = [_logit(run.scores["threat"]) for run in (live, tried)]
    assert threats[0] - threats[1] == pytest.approx(MILDER_BY, abs=1e-3)
    assert decision.violations
    assert {violation.score for violation in decision.violations} <= set(live.scores.values())


async def test_which_version_decides_is_a_setting(both: BothServed) -> None:
    async with _deciding(both.settings(live=OLD, shadow=both.new)) as strict:
        pass
    async with _deciding(both.settings(live=both.new, shadow=OLD)) as mild:
        pass
    assert [(run.version, run.shadow) for run in _runs(mild)] == [(both.new, False), (OLD, True)]
    assert (strict.action, mild.action) == (decision_pb2.ACTION_BLOCK, decision_pb2.ACTION_ALLOW)
