"""The schedule of an open loop: seeded, Poisson, and the same in sum however many processes share it."""

import itertools
import statistics

import pytest

from loadtests.locust.arrivals import ArrivalSchedule
from loadtests.locust.phases import read_plan

PLAN = read_plan("low:40x50,rest:0x10,high:160x50")


def test_the_same_seed_gives_the_same_arrivals_and_another_seed_others() -> None:
    assert list(ArrivalSchedule(PLAN, seed=1)) == list(ArrivalSchedule(PLAN, seed=1))
    assert list(ArrivalSchedule(PLAN, seed=1)) != list(ArrivalSchedule(PLAN, seed=2))


def test_arrivals_follow_the_plan_and_stay_within_their_phase() -> None:
    arrivals = list(ArrivalSchedule(PLAN, seed=7))
    spans = [(start, end) for _, start, end in PLAN.spans()]
    assert all(spans[each.phase][0] <= each.at_s < spans[each.phase][1] for each in arrivals)
    counts = [sum(each.phase == number for each in arrivals) for number in range(3)]
    assert counts[0] == pytest.approx(2_000, rel=0.1)
    assert counts[1] == 0
    assert counts[2] == pytest.approx(8_000, rel=0.05)


def test_gaps_are_exponential_so_arrivals_come_in_clusters_as_those_of_strangers_do() -> None:
    """A metronome has no spread; of an exponential law the deviation equals the mean."""
    moments = [each.at_s for each in ArrivalSchedule(read_plan("steady:100x100"), seed=3)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_processes_that_share_a_plan_offer_in_sum_what_one_would() -> None:
    parts = [list(ArrivalSchedule(PLAN, seed=5, part=part, parts=4)) for part in range(4)]
    assert sum(len(each) for each in parts) == pytest.approx(10_000, rel=0.05)
    assert len({each[0].at_s for each in parts}) == 4
    merged = sorted(each.at_s for each in itertools.chain(*parts) if each.phase == 2)
    gaps = [later - earlier for earlier, later in itertools.pairwise(merged)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_bursts_come_together_and_leave_the_load_as_it_was() -> None:
    arrivals = list(ArrivalSchedule(read_plan("steady:100x200"), seed=3, burst_mean=4))
    assert len(arrivals) == pytest.approx(20_000, rel=0.05)
    assert len({each.at_s for each in arrivals}) == pytest.approx(5_000, rel=0.05)


@pytest.mark.parametrize(("part", "parts", "burst"), [(1, 1, 1.0), (-1, 2, 1.0), (0, 1, 0.5)])
def test_a_part_that_does_not_exist_is_refused(part: int, parts: int, burst: float) -> None:
    with pytest.raises(ValueError, match="no such schedule"):
        ArrivalSchedule(PLAN, seed=1, part=part, parts=parts, burst_mean=burst)
