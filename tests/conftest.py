"""For all tests: Feast is imported as stacks import it."""

from collections.abc import Generator

import pytest

from tidegate.features.feast_import import unchecked


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports all test modules, and with the first of them Feast, whose own checks take longer than many a test."""
    with unchecked():
        return (yield)
