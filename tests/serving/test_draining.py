"""Replicas that are stopped get as long as what they have begun may take."""

import pytest
from ray.serve._private.build_app import build_app  # what `serve.run` makes of an application

from tidegate.serving.app import application
from tidegate.serving.settings import BudgetSettings, GrpcSettings, Settings, Topology, load_settings


@pytest.fixture
def settings() -> Settings:
    """Draining for 7 s, a longest budget of 40 s."""
    return load_settings(grpc=GrpcSettings(draining_s=7), budget=BudgetSettings(max_ms=40_000))


def _stops_in_s(settings: Settings) -> dict[str, float]:
    return {
        each.name: each._deployment_config.graceful_shutdown_timeout_s
        for each in build_app(application(settings), name="tidegate").deployments
    }


def test_a_router_drains_and_then_answers_the_longest_request(settings: Settings) -> None:
    assert _stops_in_s(settings)["ModerationRouter"] == 7 + 40 + 5


def test_a_stage_answers_the_longest_call(settings: Settings) -> None:
    stages = {name: value for name, value in _stops_in_s(settings).items() if name != "ModerationRouter"}
    assert set(stages) == {"FeatureLookup", "TextDetectors", "ImageDetectors", "SpeechDetectors", "AccountSignals"}
    assert set(stages.values()) == {40 + 5}


def test_a_router_with_its_stages_inside_is_a_router(settings: Settings) -> None:
    colocated = settings.model_copy(update={"topology": Topology.COLOCATED})
    assert _stops_in_s(colocated) == {"ModerationRouter": 7 + 40 + 5}
