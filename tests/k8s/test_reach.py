"""Addresses on ports that NetworkPolicies keep shut: what the check says of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.reach import reach_findings
from k8s.check.rendering import Rendered
from k8s.generate import OVERLAYS, settings_of
from tidegate.serving.settings import Settings

Broken = Callable[[str, str, Callable[[Manifest], object]], Rendered]


@pytest.fixture
def settings() -> Settings:
    """Of production."""
    return settings_of(OVERLAYS / "production")


def _with_redis(settings: Settings, address: str) -> Settings:
    return settings.model_copy(update={"features": settings.features.model_copy(update={"redis_address": address})})


def test_production_reaches_what_it_names(overlay: Callable[[str], Rendered], settings: Settings) -> None:
    assert list(reach_findings(overlay("production"), settings)) == []


@pytest.mark.parametrize("address", ["redis.example.internal:6380", "one.example:6379,two.example:6380"])
def test_a_redis_on_a_port_that_is_closed_is_told(
    overlay: Callable[[str], Rendered], settings: Settings, address: str
) -> None:
    (finding,) = reach_findings(overlay("production"), _with_redis(settings, address))
    assert (finding.subject, finding.field) == ("settings.yaml", "features.redis_address")
    assert finding.problem == "port 6380 of redis is closed to stages, signals, features-job"
    assert finding.allowed == "6379; or the port in k8s/connections.py, and python -m k8s.generate"


def test_so_is_one_for_rays_own_state(broken: Broken, settings: Settings) -> None:
    def move(ray: Manifest) -> None:
        ray.spec["rayClusterConfig"]["gcsFaultToleranceOptions"]["redisAddress"] = "rediss://redis.example:6380"

    (finding,) = reach_findings(broken("production", "RayService tidegate", move), settings)
    assert finding.field == "spec.rayClusterConfig.gcsFaultToleranceOptions.redisAddress"
    assert finding.problem == "port 6380 of redis is closed to head"


def test_so_is_a_collector(overlay: Callable[[str], Rendered], settings: Settings) -> None:
    telemetry = settings.telemetry.model_copy(update={"endpoint": "http://collector.example.internal:4444"})
    (finding,) = reach_findings(overlay("production"), settings.model_copy(update={"telemetry": telemetry}))
    assert finding.problem == "port 4444 of otel-agent is closed to router, stages, speech, signals"


def test_without_policies_every_port_is_open(overlay: Callable[[str], Rendered], settings: Settings) -> None:
    whole = overlay("production")
    bare = replace(whole, manifests=tuple(each for each in whole.manifests if each.kind != "NetworkPolicy"))
    assert list(reach_findings(bare, _with_redis(settings, "redis.example.internal:6380"))) == []
