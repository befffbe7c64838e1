from loadtests.compare.ratios import ratio


def test_what_was_measured_in_one_repeat_is_divided_before_the_middle_is_taken() -> None:
    """A machine that was twice as slow in the second repeat must not show in the ratio."""
    found = ratio({1: 200.0, 2: 100.0, 3: 210.0}, {1: 100.0, 2: 50.0, 3: 100.0})
    assert found is not None
    assert (found.value, found.repeats) == (2.0, 3)


def test_a_repeat_that_one_of_them_lacks_does_not_count() -> None:
    found = ratio({1: 10.0, 2: 90.0}, {1: 5.0})
    assert found is not None
    assert (found.value, found.spread, found.repeats) == (2.0, 0.0, 1)


def test_nothing_in_common_is_no_ratio() -> None:
    assert ratio({}, {1: 5.0}) is None
    assert ratio({1: 5.0}, {1: 0.0}) is None
