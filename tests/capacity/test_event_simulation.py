"""Every item played: against queueing theory, against conservation, and twice the same."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.capacity.arrivals import RateTrace, spike, steady
from tidegate.capacity.autoscaling import Autoscaler, FixedScaler, HpaScaler, Metric, ServeScaler
from tidegate.capacity.event_simulation import simulate_events
from tidegate.capacity.fluid_simulation import simulate_fluid
from tidegate.capacity.queueing import erlang_c, mg1_mean_wait, mmc_mean_wait
from tidegate.capacity.scenario import UNBOUNDED, Admission, Balancing, Outcome, Scenario

ITEMS = 120_000
BATCHES = 20
SIGMAS = 4.0


def waits(
    servers: int, load: float, *, variation: float = 1.0, balancing: Balancing = Balancing.SHARED, items: int = ITEMS
) -> list[float]:
    """Of items of 10 ms on so many servers, the first tenth left out: the system begins empty."""
    service_s = 0.01
    rate = servers * load / service_s
    scenario = Scenario(service_s, variation, servers, 0.0, UNBOUNDED, balancing, seed=11)
    outcome = simulate_events(steady(rate, items / rate), scenario, FixedScaler(servers))
    return list(outcome.waits_s[items // 10 :])


def holds(samples: Sequence[float], theory: float) -> bool:
    """Whether the mean is the theory's within so many standard errors, by batch means (waits are correlated)."""
    batches = [float(np.mean(each)) for each in np.array_split(np.asarray(samples), BATCHES)]
    error = float(np.std(batches, ddof=1)) / math.sqrt(BATCHES)
    assert error < 0.08 * theory, "too few items to tell anything"
    return abs(float(np.mean(batches)) - theory) < SIGMAS * error


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), (4, 0.8), (12, 0.8)])
def test_m_m_c_waits_as_erlang_says(servers: int, load: float) -> None:
    found = waits(servers, load)
    assert holds([float(wait > 0) for wait in found], erlang_c(servers, servers * load))
    assert holds(found, mmc_mean_wait(servers, servers * load / 0.01, 0.01))


@pytest.mark.parametrize("variation", [0.0, 0.5, 1.5])
def test_m_g_1_waits_as_pollaczek_and_khinchine_say(variation: float) -> None:
    assert holds(waits(1, 0.6, variation=variation), mg1_mean_wait(60.0, 0.01, variation))


def test_random_choice_is_one_queue_for_each_server() -> None:
    """A Poisson process that is split at random is Poisson again."""
    assert holds(waits(8, 0.6, balancing=Balancing.RANDOM), mmc_mean_wait(1, 60.0, 0.01))


def test_two_choices_lie_between_one_queue_and_chance() -> None:
    shared, two, random = (
        float(np.mean(waits(8, 0.8, balancing=each, items=20_000)))
        for each in (Balancing.SHARED, Balancing.TWO_CHOICES, Balancing.RANDOM)
    )
    assert shared < two < random


@pytest.mark.parametrize("simulate", [simulate_events, simulate_fluid])
def test_the_same_seed_gives_the_same_run(simulate: object) -> None:
    def run(seed: int) -> Outcome:
        assert callable(simulate)
        trace = spike(60, 120, factor=4, at_s=30, for_s=40)
        outcome = simulate(
            trace, Scenario(0.02, replicas=2, start_up_s=5, seed=seed), ServeScaler(1, 9, 1.0, 2.0, 10.0)
        )
        assert isinstance(outcome, Outcome)
        return outcome

    assert run(3) == run(3)
    assert run(3) != run(4)


SCALERS = st.sampled_from(
    [
        lambda: FixedScaler(2),
        lambda: ServeScaler(1, 6, 1.0, upscale_delay_s=2, downscale_delay_s=5, look_back_s=4, metrics_interval_s=2),
        lambda: HpaScaler(1, 6, Metric.UTILISATION, 0.6, down_window_s=10, look_back_s=5, metrics_interval_s=5),
        lambda: HpaScaler(1, 6, Metric.WAIT_RATIO, 0.5, down_window_s=10, look_back_s=5, metrics_interval_s=5),
    ]
)
TRACES = st.lists(st.floats(0, 150), min_size=1, max_size=5).map(
    lambda rates: RateTrace(tuple(8.0 * step for step in range(len(rates))), tuple(rates), 8.0 * len(rates))
)
SCENARIOS = st.builds(
    Scenario,
    service_s=st.floats(0.002, 0.1),
    variation=st.sampled_from([0.0, 0.7, 1.0, 2.0]),
    replicas=st.integers(1, 4),
    start_up_s=st.sampled_from([0.0, 1.0, 7.5]),
    admission=st.one_of(
        st.just(UNBOUNDED),
        st.builds(Admission, under_way=st.integers(1, 48), waiting=st.integers(0, 128), budget_s=st.floats(0.05, 2)),
    ),
    balancing=st.sampled_from([*Balancing]),
    seed=st.integers(0, 2**31),
)


@pytest.mark.parametrize("simulate", [simulate_events, simulate_fluid])
@settings(max_examples=40, deadline=None)
@given(trace=TRACES, scenario=SCENARIOS, scaler=SCALERS)
def test_no_item_is_lost_or_made_up(simulate: object, trace: RateTrace, scenario: Scenario, scaler: object) -> None:
    """Arrivals are answered, shed, or still there; the series tell the same as the totals."""
    assert callable(simulate)
    assert callable(scaler)
    made: Autoscaler = scaler()
    outcome: Outcome = simulate(trace, scenario, made)
    accounted = outcome.good + outcome.late + outcome.shed + outcome.in_system
    assert outcome.arrived == pytest.approx(accounted, abs=1e-3)
    assert 0 <= outcome.overdue <= outcome.in_system + 1e-9
    assert min(outcome.good, outcome.late, outcome.shed, outcome.in_system) >= 0
    series = outcome.series
    assert sum(series.arrived) == pytest.approx(outcome.arrived)
    assert sum(series.good) == pytest.approx(outcome.good)
    assert sum(series.late) == pytest.approx(outcome.late)
    assert sum(series.shed) == pytest.approx(outcome.shed)
    assert max(series.ready) <= outcome.peak_replicas
    if scenario.admission is UNBOUNDED:
        assert outcome.shed == outcome.late == outcome.overdue == 0


def test_arrivals_are_as_many_as_the_trace_says() -> None:
    trace = RateTrace((0.0, 10.0), (1_000.0, 0.0), 20.0)
    drawn = trace.drawn(np.random.default_rng(5))
    assert drawn.max() < 10
    assert abs(len(drawn) - 10_000) < SIGMAS * 100
    assert (np.diff(drawn) >= 0).all()
