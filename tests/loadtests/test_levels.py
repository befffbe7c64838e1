"""What samples come to."""

import math

import pytest

from loadtests.locust.cpu import CpuReading
from loadtests.locust.failures import failures_of
from loadtests.locust.generator import warnings_of
from loadtests.locust.levels import levels_of
from loadtests.locust.phases import read_plan
from loadtests.locust.quantile import quantile
from loadtests.locust.sample import NOT_SENT, PARTIAL, SHED
from loadtests.locust.seconds import seconds_of
from tests.loadtests.samples import sample

PLAN = read_plan("warm-up:10x1,knee:10x2,rest:0x1,double:20x2,rest:0x1,knee:10x2")


def test_phases_of_one_name_are_one_level_and_warm_ups_are_none() -> None:
    samples = [sample(phase=phase) for phase in (0, 1, 1, 3, 5)]
    knee, double = levels_of(PLAN, samples, [], budget_ms=100)
    assert (knee.name, knee.arrivals, knee.duration_s) == ("knee", 3, 4.0)
    assert (double.name, double.arrivals, double.duration_s) == ("double", 1, 2.0)


def test_good_is_complete_and_within_the_budget_from_the_intended_start() -> None:
    """The second was answered within 10 ms of its sending, but it could not be sent for 95 ms."""
    samples = [
        sample(phase=1),
        sample(phase=1, waited_s=0.095),
        sample(phase=1, outcome=PARTIAL),
        sample(phase=1, took_s=0.101),
    ]
    [level] = levels_of(read_plan("warm-up:1x1,steady:4x1"), samples, [], budget_ms=100)
    assert level.good == 1
    assert level.goodput_per_s == 1.0


def test_a_wait_for_a_slot_is_in_the_latency_from_the_intended_start_only() -> None:
    samples = [sample(waited_s=1.0, late_s=0.5) for _ in range(100)]
    [level] = levels_of(read_plan("steady:100x1"), samples, [], budget_ms=100)
    assert level.from_intended.p99_ms == pytest.approx(1_510)
    assert level.from_send.p99_ms == pytest.approx(10)


def test_sheds_are_neither_errors_nor_fast_answers() -> None:
    samples = [sample(outcome=SHED, took_s=0.0001) for _ in range(90)] + [sample(took_s=0.4) for _ in range(8)]
    samples += [sample(outcome="UNAVAILABLE"), sample(outcome=NOT_SENT)]
    [level] = levels_of(read_plan("steady:100x1"), samples, [], budget_ms=1_000)
    assert (level.sheds, level.errors) == (90, 2)
    assert level.from_intended.p50_ms == pytest.approx(400)


def test_a_refused_connection_is_no_fast_answer_and_a_timeout_is_as_slow_as_it_waited() -> None:
    """A service that died: 90 calls refused within a millisecond, 5 answered, 5 given up after a second."""
    samples = [sample(outcome="UNAVAILABLE", took_s=0.001) for _ in range(90)]
    samples += [sample(took_s=0.2) for _ in range(5)] + [
        sample(outcome="DEADLINE_EXCEEDED", took_s=1) for _ in range(5)
    ]
    [level] = levels_of(read_plan("steady:100x1"), samples, [], budget_ms=1_000)
    assert level.from_intended.p50_ms == pytest.approx(200)
    assert level.from_intended.p99_ms == pytest.approx(1_000)
    assert level.error_share == 0.95
    assert [each.from_send_p99_ms for each in seconds_of(samples)] == [pytest.approx(1_000)]


def test_what_failed_is_named_with_its_statuses_and_sheds_are_no_failure() -> None:
    samples = [sample(phase=1, outcome="UNAVAILABLE"), sample(phase=1), sample(phase=3, outcome=SHED)]
    [warning] = failures_of(levels_of(PLAN, samples, [], budget_ms=100))
    assert warning.startswith("knee: 1 of 2 requests failed (UNAVAILABLE 1)")
    assert failures_of(levels_of(PLAN, samples[1:], [], budget_ms=100)) == ()


def test_nothing_answered_is_not_a_latency_of_zero() -> None:
    [level] = levels_of(read_plan("steady:100x1"), [], [], budget_ms=1_000)
    assert math.isnan(level.from_intended.p99_ms)
    assert level.good_share == 0.0


def test_the_busiest_generator_process_counts_and_too_busy_a_one_is_named() -> None:
    cpu = [CpuReading(0, 0.5, 0.2), CpuReading(1, 0.5, 0.9), CpuReading(1, 1.5, 1.0), CpuReading(1, 9.0, 0.0)]
    levels = levels_of(read_plan("steady:100x2"), [sample()], cpu, budget_ms=1_000)
    assert levels[0].cpu_share == pytest.approx(0.95)
    [warning] = warnings_of(levels)
    assert "steady" in warning
    assert "95%" in warning


def test_a_generator_that_takes_requests_up_late_is_named() -> None:
    levels = levels_of(read_plan("steady:100x2"), [sample(late_s=0.050)], [], budget_ms=1_000)
    [warning] = warnings_of(levels)
    assert "late" in warning


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_a_quantile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert quantile([float(each) for each in range(1, 101)], share) == value
