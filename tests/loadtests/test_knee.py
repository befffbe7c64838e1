"""Where the knee of a ramp is."""

from loadtests.locust.knee import doubt, knee_of
from loadtests.locust.levels import Level
from tests.loadtests.samples import level


def ramp(*shares: float) -> list[Level]:
    """Levels of 10, 20, ... arrivals per second with these shares of good answers."""
    return [level(f"ramp-{n}", offered=10.0 * n, good=round(share * 100)) for n, share in enumerate(shares, start=1)]


def test_the_knee_is_the_highest_level_that_is_carried() -> None:
    knee = knee_of(ramp(1.0, 1.0, 0.97, 0.60, 0.30))
    assert knee is not None
    assert knee.offered == 30.0


def test_one_bad_moment_within_the_ramp_is_not_the_knee() -> None:
    knee = knee_of(ramp(1.0, 0.8, 1.0, 1.0, 0.3, 0.2))
    assert knee is not None
    assert knee.offered == 40.0


def test_a_level_that_is_carried_beyond_two_that_are_not_does_not_count() -> None:
    knee = knee_of(ramp(1.0, 0.5, 0.4, 1.0))
    assert knee is not None
    assert knee.offered == 10.0


def test_without_a_level_that_is_carried_there_is_no_knee() -> None:
    assert knee_of(ramp(0.9, 0.5)) is None
    assert knee_of([]) is None


def test_the_order_in_which_levels_were_run_does_not_matter() -> None:
    knee = knee_of(reversed(ramp(1.0, 0.99, 0.2, 0.1)))
    assert knee is not None
    assert knee.offered == 20.0


def test_a_knee_of_which_twice_the_load_is_carried_is_doubted() -> None:
    double = [level("double-knee", offered=60.0, good=100), level("double-knee", offered=60.0, good=97)]
    assert "60/s" in doubt([*ramp(1.0, 1.0, 1.0), *double])
    assert not doubt([*ramp(1.0, 1.0, 1.0), *double, level("double-knee", offered=60.0, good=50)])
    assert not doubt(ramp(1.0, 1.0))


def test_a_knee_beyond_which_goodput_grows_is_doubted_although_twice_its_load_was_not_carried() -> None:
    knee, double = level("knee", offered=31.0, good=100), level("double-knee", offered=62.0, arrivals=190, good=139)
    assert "1.39 times as many answers were good" in doubt([knee, double])
    assert not doubt([knee, level("double-knee", offered=62.0, arrivals=190, good=115)])
