"""For all tests: Feast is imported as stacks import it, and nothing is timed."""

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tidegate.features.feast_import import unchecked

# Hypothesis times examples and the making of data: neither says anything about what is tested, on a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports all test modules, and with the first of them Feast, whose own checks take longer than many a test."""
    with unchecked():
        return (yield)
