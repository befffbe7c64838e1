"""The policies: Serve's against Ray's own code, HPA's against what Kubernetes documents."""

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.serve import autoscaling_policy as ray_policy
from ray.serve.config import AutoscalingConfig

from tidegate.capacity.autoscaling import HpaScaler, Metric, Seen, ServeScaler
from tidegate.capacity.scaler_choice import ScalerChoice, ScalerKind, scaler_of, target_of
from tidegate.capacity.scenario import Balancing, Scenario


def seen(at_s: float, ready: int, *, starting: int = 0, ongoing: float = 0, busy: float = 0, ratio: float = 0) -> Seen:
    return Seen(at_s, ready, starting, ongoing, busy, ratio)


class RaysOwn:
    """Ray Serve's default policy with its scaling factors, delays and bounds, on a clock of ours."""

    def __init__(self, config: AutoscalingConfig) -> None:
        self._config = config
        self._state: dict[str, Any] = {}

    def decide(self, at_s: float, *, ready: int, target: int, ongoing: float) -> int:
        context = SimpleNamespace(
            current_num_replicas=ready, target_num_replicas=target, total_num_requests=ongoing, config=self._config
        )
        desired, _ = ray_policy._core_replica_queue_length_policy(cast("Any", context))
        scaled = ray_policy._apply_scaling_factors(desired, ready, self._config)
        decided, self._state = ray_policy._apply_delay_logic(
            max(0, scaled), target, self._config, dict(self._state), _now=at_s
        )
        bounded = min(decided, self._config.max_replicas)
        return max(bounded, self._config.min_replicas)


@settings(max_examples=150, deadline=None)
@given(
    loads=st.lists(st.tuples(st.floats(0, 120), st.integers(1, 30)), min_size=1, max_size=40),
    target=st.floats(0.5, 8),
    delays=st.tuples(st.integers(0, 40), st.integers(0, 90)),
    factors=st.tuples(st.floats(0.2, 2), st.floats(0.2, 2)),
)
def test_serve_decides_as_rays_own_code(
    loads: list[tuple[float, int]], target: float, delays: tuple[int, int], factors: tuple[float, float]
) -> None:
    up_s, down_s = delays
    rays = RaysOwn(
        AutoscalingConfig(
            min_replicas=1,
            max_replicas=40,
            target_ongoing_requests=target,
            upscale_delay_s=up_s,
            downscale_delay_s=down_s,
            upscaling_factor=factors[0],
            downscaling_factor=factors[1],
        )
    )
    ours = ServeScaler(1, 40, target, up_s, down_s, factors[0], factors[1])
    replicas = 4
    for step, (ongoing, most_ready) in enumerate(loads):
        ready = min(most_ready, replicas)
        at_s = 100.0 + 10.0 * step
        theirs = rays.decide(at_s, ready=ready, target=replicas, ongoing=ongoing)
        assert ours.decide(seen(at_s, ready, starting=replicas - ready, ongoing=ongoing)) == theirs
        replicas = theirs


def hpa(**changed: Any) -> HpaScaler:
    return HpaScaler(1, 100, Metric.UTILISATION, 0.5, **changed)


def test_hpa_scales_in_proportion() -> None:
    """Kubernetes' own example: twice the target is twice the pods."""
    assert hpa().decide(seen(15, 4, busy=4)) == 8


def test_hpa_tolerates_a_tenth() -> None:
    assert hpa().decide(seen(15, 10, busy=5.4)) == 10
    assert hpa().decide(seen(15, 10, busy=5.6)) == 12


def test_hpa_adds_four_pods_or_doubles_within_a_period() -> None:
    assert hpa().decide(seen(15, 1, busy=40)) == 5
    assert hpa().decide(seen(15, 10, busy=100)) == 20


def test_hpa_takes_away_only_what_was_too_much_for_the_whole_window() -> None:
    scaler = hpa()
    decided = [scaler.decide(seen(15.0 * step, 10, busy=4.5 if step == 0 else 1.0)) for step in range(25)]
    assert decided[:21] == [10] * 21  # the first look, within tolerance, is 300 s old at step 20
    assert decided[21:] == [2] * 4


def test_hpa_paces_by_what_there_was_when_the_period_began() -> None:
    """2 pods fewer a minute: looks every 15 s take away 2 in all until the first of them is a minute old."""
    scaler, replicas, decided = hpa(down_pods=2, period_s=60, down_window_s=0), 10, []
    for step in range(1, 7):
        replicas = scaler.decide(seen(15.0 * step, replicas))
        decided.append(replicas)
    assert decided == [8, 8, 8, 8, 6, 6]


def test_hpa_doubles_once_a_period() -> None:
    scaler, replicas, decided = hpa(period_s=30), 10, []
    for step in range(1, 5):
        replicas = scaler.decide(seen(15.0 * step, replicas, busy=replicas))
        decided.append(replicas)
    assert decided == [20, 20, 40, 40]


def test_hpa_counts_pods_that_start_as_idle_on_the_way_up() -> None:
    """4 busy pods ask for 8; 4 that start already make up for it."""
    assert hpa().decide(seen(15, 4, starting=4, busy=4)) == 8
    assert hpa().decide(seen(15, 4, starting=1, busy=4)) == 8


def test_keda_scales_on_time_in_queue() -> None:
    scaler = HpaScaler(1, 100, Metric.WAIT_RATIO, 0.5)
    assert scaler.decide(seen(15, 4, ratio=1.0)) == 8


@pytest.mark.parametrize("least", [2, 7])
def test_bounds_hold(least: int) -> None:
    idle, flooded = seen(1_000, 5), seen(2_000, 5, ongoing=1e6, busy=5)
    for scaler in (ServeScaler(least, 9, 1.0, 0.0, 0.0), HpaScaler(least, 9, Metric.UTILISATION, 0.5, 0.1, 0.0)):
        assert scaler.decide(idle) == least
        assert scaler.decide(flooded) == 9


@pytest.mark.parametrize("balancing", [*Balancing])
def test_targets_that_follow_from_utilisation_keep_replicas_that_busy(balancing: Balancing) -> None:
    """M/M/1 at 60 % holds 1.5 items, 0.9 of them waiting; better balancing holds fewer."""
    scenario = Scenario(0.01, replicas=50, balancing=balancing)
    ongoing = target_of(ScalerChoice(ScalerKind.SERVE, 1, 99, 0.6), scenario)
    ratio = target_of(ScalerChoice(ScalerKind.KEDA, 1, 99, 0.6), scenario)
    assert ongoing == pytest.approx(0.6 * (1 + ratio), abs=2e-3)
    if balancing is Balancing.RANDOM:
        assert (ongoing, ratio) == (1.5, 1.5)
    assert 0.6 <= ongoing <= 1.5


def test_what_is_not_asked_for_is_as_serve_and_kubernetes_ship_it() -> None:
    config, scenario = AutoscalingConfig(), Scenario(0.01)
    serve = scaler_of(ScalerChoice(ScalerKind.SERVE, 1, 9, 0.6), scenario)
    assert isinstance(serve, ServeScaler)
    assert serve.upscale_delay_s == config.upscale_delay_s
    assert serve.downscale_delay_s == config.downscale_delay_s
    assert serve.look_back_s == config.look_back_period_s
    asked = scaler_of(ScalerChoice(ScalerKind.HPA, 1, 9, 0.6, down_delay_s=60, look_back_s=15), scenario)
    assert isinstance(asked, HpaScaler)
    assert (asked.down_window_s, asked.look_back_s, asked.target) == (60, 15, 0.6)
    assert math.isclose(asked.interval_s, 15)
