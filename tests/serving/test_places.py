"""How many places there come to be: before a server that is full, before a detector that hangs, and after both."""

from itertools import pairwise

import pytest

from tests.serving.simulated_router import BUDGET_S, CAPACITY, MOST, Router
from tidegate.serving.places import HOLD_S, LEAST, STEP, WAIT_SHARE, WORK_SHARE, Places


@pytest.mark.parametrize("overload", [1.1, 1.3, 2, 4])
def test_beyond_what_a_server_can_it_answers_as_many_in_time_as_it_can(overload: float) -> None:
    """With 48 places all the time every answer of this server, which works in batches of 8, would be late: .48 s."""
    router = Router(batch=8)
    router.play(overload * CAPACITY, 10)
    router.play(overload * CAPACITY, 60)
    assert router.good > 0.93 * 60 * CAPACITY
    assert router.late < 0.04 * router.good
    assert router.shed > 0
    assert LEAST <= router.places.count < MOST * STEP


def test_below_it_nobody_is_sent_away() -> None:
    router = Router(batch=8)
    router.play(0.7 * CAPACITY, 60)
    assert (router.late, router.shed, router.places.count) == (0, 0, MOST)


@pytest.mark.parametrize("overload", [1.5, 2, 8])
@pytest.mark.parametrize("capacity", [20, 30, 50])
def test_a_machine_that_is_slower_than_places_suppose_answers_as_many_in_time_as_it_can(
    capacity: float, overload: float
) -> None:
    """48 places are 1 to 2.4 s of work: with all of them budgets end before anything is done."""
    router = Router(batch=8, capacity=capacity)
    router.play(overload * capacity, 15)
    router.play(overload * capacity, 60)
    assert router.good > 0.93 * 60 * capacity
    assert router.late < 0.05 * router.good


@pytest.mark.parametrize("rate", [80, 150, 400])
@pytest.mark.parametrize("seed", range(2))
def test_a_detector_that_is_slow_costs_few_places(rate: float, seed: int) -> None:
    """Every item takes .4 s, however many there are: 48 places are 120 items/s, and each fewer is fewer of them."""
    router = Router(work=0.8, seed=seed)
    router.play(rate, 300)
    router.play(rate, 300)
    could = min(rate, MOST / (router.work * BUDGET_S))
    assert router.good > 0.93 * 300 * could
    assert router.late < 0.01 * router.good


@pytest.mark.parametrize("rate", [80, 150, 400])
def test_a_detector_that_hangs_costs_few_places(rate: float) -> None:
    """Every answer comes when its budget ends, without that detector: fewer places are fewer of them."""
    router = Router(work=2)
    router.play(rate, 300)
    router.play(rate, 300)
    assert router.late > 0.9 * 300 * min(rate, MOST / BUDGET_S)


def test_places_that_were_halved_in_vain_come_back_at_once_and_are_soon_all_there() -> None:
    router = Router(work=2)
    router.play(150, 300)
    router.work = 0.2
    router.play(150, 1)  # what was under way ends
    router.play(150, 30)
    assert router.shed == router.late == 0


@pytest.mark.parametrize("work", [0.43, 0.5, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_slow_work_alone_is_no_reason_to_send_anybody_away(work: float, seed: int) -> None:
    """Three quarters of the places are enough for what comes, so what chance adds is all that may be shed."""
    router = Router(work=work, seed=seed)
    rate = 0.75 * MOST / (work * BUDGET_S)
    router.play(rate, 300)
    router.play(rate, 300)
    assert router.shed < 0.005 * router.good


@pytest.mark.parametrize("work", [0.35, 0.8])
def test_places_that_an_overload_took_come_back_where_fewer_make_nothing_quicker(work: float) -> None:
    router = Router(batch=8)
    router.play(3 * CAPACITY, 60)
    assert router.places.count <= MOST / 2
    router.batch, router.work = None, work
    rate = 1.2 * MOST / (work * BUDGET_S)
    router.play(rate, 60)
    router.play(rate, 60)
    assert router.good > 0.9 * 60 * MOST / (work * BUDGET_S)


def test_places_come_back_when_work_is_quick_again() -> None:
    router = Router(batch=8)
    router.play(2 * CAPACITY, 30)
    few = router.places.count
    places = router.places
    for moment in range(4_000):  # scarce, and work takes a tenth of its budget
        places.found_none()
        places.worked(0.1 * BUDGET_S, BUDGET_S, late=False)
        places.freed(1_000 + moment / 400, waiting=1)
    assert few < MOST == places.count


@pytest.mark.parametrize("work", [0.5, 0.7])
def test_a_detector_that_recovers_while_places_are_fewest_gets_them_back(work: float) -> None:
    """Work takes more than its share of budgets, however many places there are: no cut is left to prove that."""
    router = Router(work=2)
    for _ in range(120):
        router.play(90, 0.5)
        if router.places.count == LEAST:
            break
    assert router.places.count == LEAST
    router.work = work
    router.play(90, 60)
    router.play(90, 60)
    assert router.good > 0.93 * 60 * 90


@pytest.mark.parametrize("items_per_call", [20, 1_000])
def test_a_few_late_calls_among_the_items_of_streams_take_no_places(items_per_call: int) -> None:
    """Such as one call in so many with a budget that nothing can be done in."""
    places, counts = Places(MOST), set[int]()
    for moment in range(30_000):
        if moment % items_per_call == 0:
            places.found_none()
            places.worked(0.05 if moment % 3 else 0.04, 0.05, late=True)
        places.freed(moment / 240, waiting=10)
        counts.add(places.count)
    assert counts == {MOST}


def test_streams_alone_get_all_places_back() -> None:
    """What waits in a stream has no caller that waits for it, so it is no reason for few places."""
    router = Router(batch=8)
    router.play(2 * CAPACITY, 30)
    assert router.places.count < MOST
    for moment in range(4_000):
        router.places.freed(1_000 + moment / 100, waiting=3)
    assert router.places.count == MOST


def test_a_cut_that_made_nothing_quicker_is_undone_and_not_tried_again_for_a_while() -> None:
    places, now_s, counts = Places(MOST), 0.0, list[tuple[float, int]]()
    for _ in range(8_000):
        now_s += 0.45 / places.count
        places.found_none()
        places.worked(0.45, BUDGET_S, late=False)
        places.freed(now_s, waiting=1)
        counts.append((now_s, places.count))
    cuts = [now_s for (_, before), (now_s, after) in pairwise(counts) if after < before]
    assert len(cuts) > 2
    assert all(later - sooner > HOLD_S for sooner, later in pairwise(cuts))
    assert sum(each == MOST for _, each in counts) > 0.9 * len(counts)


def test_waiting_leaves_time_for_the_work() -> None:
    places = Places(MOST)
    assert places.allowed_s(1.0) == WAIT_SHARE
    for _ in range(200):
        places.worked(0.3, 0.5, late=False)
    assert places.allowed_s(1.0) == WAIT_SHARE
    assert places.allowed_s(0.5) == pytest.approx(0.2, abs=0.01)
    assert places.allowed_s(0.25) == 0


def test_who_gave_up_tells_that_work_takes_longer_never_that_it_is_quick() -> None:
    places = Places(MOST)
    for _ in range(100):
        places.worked(0.1, 1.0, late=False)
    for _ in range(100):
        places.abandoned(0.01, 1.0)
    assert places.allowed_s(0.2) == pytest.approx(0.1, abs=0.01)
    for _ in range(200):
        places.abandoned(0.6, 1.0)
    assert places.allowed_s(0.5) == 0


@pytest.mark.parametrize("most", [1, LEAST - 1])
def test_few_places_are_never_cut(most: int) -> None:
    places = Places(most)
    for moment in range(1_000):
        places.found_none()
        places.worked(WORK_SHARE * 2, 1.0, late=False)
        places.freed(float(moment), waiting=1)
    assert places.count == most


def test_calls_that_come_with_nothing_left_of_their_budgets_are_no_reason_to_stumble() -> None:
    places = Places(MOST)
    for moment in range(1_000):
        places.found_none()
        places.worked(0.01, 0.0, late=False)
        places.freed(float(moment), waiting=0)
    assert LEAST <= places.count <= MOST
