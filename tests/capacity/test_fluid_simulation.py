"""The fluid against every item, where both can be run."""

import numpy as np
import pytest

from tidegate.capacity.arrivals import daily, spike, steady
from tidegate.capacity.autoscaling import FixedScaler, HpaScaler, Metric
from tidegate.capacity.event_simulation import simulate_events
from tidegate.capacity.fluid_simulation import simulate_fluid
from tidegate.capacity.scenario import Admission, Balancing, Scenario
from tidegate.serving.places import LEAST


def test_a_spike_beyond_fixed_replicas_loses_the_same() -> None:
    """10 replicas can 500 items/s: of 1,200 in the spike they shed what is beyond, and what their queues don't hold.

    Places take seconds to follow, in which some 2 in 100 items are late; the fluid leaves that out.
    """
    trace = spike(300, 90, factor=4, at_s=30, for_s=30)
    scenario = Scenario(0.02, replicas=10)
    every, fluid = (run(trace, scenario, FixedScaler(10)) for run in (simulate_events, simulate_fluid))
    assert every.lost_share > 0.2
    assert fluid.lost_share == pytest.approx(every.lost_share, rel=0.1)


def test_late_answers_are_the_same() -> None:
    """The least places that there ever are, of 20 ms each: 80 ms under way, more than the budget."""
    rules = Admission(under_way=LEAST, waiting=0, budget_s=0.06)
    scenario = Scenario(0.02, variation=0.2, replicas=10, admission=rules)
    trace = spike(300, 60, factor=4, at_s=20, for_s=20)
    every, fluid = (run(trace, scenario, FixedScaler(10)) for run in (simulate_events, simulate_fluid))
    assert every.late > 0.1 * every.arrived
    assert fluid.late == pytest.approx(every.late, rel=0.1)
    assert fluid.shed == pytest.approx(every.shed, rel=0.1)


def test_an_autoscaler_costs_and_loses_the_same() -> None:
    trace = spike(300, 400, factor=3, at_s=100, for_s=150)
    scenario = Scenario(0.02, replicas=10, start_up_s=20)
    every, fluid = (
        run(trace, scenario, HpaScaler(2, 100, Metric.UTILISATION, 0.6)) for run in (simulate_events, simulate_fluid)
    )
    assert every.lost_share > 0.02
    assert fluid.lost_share == pytest.approx(every.lost_share, rel=0.25)
    assert fluid.replica_hours == pytest.approx(every.replica_hours, rel=0.1)
    assert fluid.peak_replicas == pytest.approx(every.peak_replicas, rel=0.15)


@pytest.mark.parametrize("balancing", [*Balancing])
def test_autoscalers_are_shown_the_same_queue(balancing: Balancing) -> None:
    scenario = Scenario(0.1, replicas=20, admission=Admission(under_way=None, budget_s=1e9), balancing=balancing)
    seen = [
        float(np.mean(run(steady(130, 200), scenario, FixedScaler(20)).series.ongoing[20:]))
        for run in (simulate_events, simulate_fluid)
    ]
    assert seen[1] == pytest.approx(seen[0], rel=0.15)


def test_a_day_of_a_hundred_thousand_items_a_second_can_be_played() -> None:
    trace = daily(100_000, 7_200, trough=0.3, peak_at_s=3_600)
    outcome = simulate_fluid(trace, Scenario(0.003, replicas=500), HpaScaler(2, 2_000, Metric.UTILISATION, 0.6))
    assert outcome.arrived == pytest.approx(trace.expected(), rel=1e-3)
    assert outcome.lost_share == 0
    assert 450 < outcome.peak_replicas < 600
