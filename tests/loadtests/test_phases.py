"""Plans: what is offered when."""

import pytest

from loadtests.locust.phases import REST, SHAPES, PlanError, read_plan


def test_a_plan_is_read_as_it_is_written() -> None:
    text = "warm-up:20x5,half:50.5x60,rest:0x2,double:202x30"
    assert read_plan(text).written() == text


def test_a_plan_knows_what_runs_when_and_that_it_is_over() -> None:
    plan = read_plan("a:1x2,rest:0x1,b:3x4")
    assert [getattr(plan.at(moment), "name", None) for moment in (0, 1.99, 2, 3, 6.99, 7)] == [
        "a",
        "a",
        "rest",
        "b",
        "b",
        None,
    ]
    assert plan.duration_s == 7


NO_PLANS = ["", "steady", "a:1", "a:1x0", "a:1.2.3x4", "a:-1x2", "A:1x1", "a:1x1,", "a:1x1 b:1x1"]


@pytest.mark.parametrize("text", NO_PLANS)
def test_what_is_no_plan_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(PlanError, match="NAME:LEVELxSECONDS"):
        read_plan(text)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_shape_takes_its_time_and_reaches_its_level(shape: str) -> None:
    plan = SHAPES[shape](80.0, 100.0)
    assert plan.duration_s == pytest.approx(100.0)
    assert max(phase.level for phase in plan.phases) == 80.0
    assert read_plan(plan.written()).duration_s == pytest.approx(100.0, rel=1e-3)


def test_warm_ups_and_rests_are_not_measured() -> None:
    plan = read_plan(f"warm-up:5x1,steady:5x1,{REST}:0x1")
    assert [phase.measured for phase in plan.phases] == [False, True, False]
