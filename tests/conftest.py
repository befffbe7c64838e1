"""For all tests: which run beside which (`groups.py`), and how Feast is imported."""

from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.groups import Group, group_of, served_together
from tidegate.features.feast_import import unchecked

# Hypothesis times examples and the making of data: neither says anything about what is tested, on a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ASKED_FOR = {
    "light": Group.LIGHT,
    "beside": Group.BESIDE,
    "not light and not beside": Group.ALONE,
}
"""Groups by what `-m` says."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports all test modules, and with the first of them Feast, whose own checks take longer than many a test."""
    with unchecked():
        return (yield)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether nothing there is of the group that is asked for, so that a run of it does not import the rest."""
    group = ASKED_FOR.get(config.option.markexpr)
    if group is None or collection_path.is_dir():
        return None
    return None if group_of(collection_path) is group else True


@pytest.hookimpl(tryfirst=True)  # before `-m` is heeded, and before xdist reads its marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them."""
    for item in items:
        group = group_of(item.path)
        if group is not Group.ALONE:
            item.add_marker(str(group))
            item.add_marker(pytest.mark.xdist_group(served_together(item.path)))
