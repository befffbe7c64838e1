"""For all tests: which are light, so that `make test` runs two of them at a time, and how Feast is imported."""

from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tidegate.features.feast_import import unchecked

# Hypothesis times examples and the making of data: neither says anything about what is tested, on a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

LIGHT = (
    "accounts/test_killed_erasure.py",
    "contract",
    "data_quality",
    "detectors",
    "features/batch",
    "features/transforms",
    "ledger/test_record_format.py",
    "ledger/test_record_outline.py",
    "models",
    "moderation",
    "observability/test_dashboards.py",
    "observability/test_rules.py",
    "policy",
    "training_sets",
)
"""Where tests compute, in directories of their own. None starts a server, opens a port or looks at the clock."""

CLOCKS = ("detectors/test_triton_adapter.py", "models/test_runtime.py", "training_sets/test_running_signals.py")
"""They look at it."""

TESTS = Path(__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports all test modules, and with the first of them Feast, whose own checks take longer than many a test."""
    with unchecked():
        return (yield)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether nothing there is light, so that a run of the light ones alone does not import the rest."""
    if config.option.markexpr != "light" or collection_path.is_dir():
        return None
    return None if _within(collection_path, LIGHT) else True


@pytest.hookimpl(tryfirst=True)  # before `-m` is heeded
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the light ones."""
    for item in items:
        if not item.get_closest_marker("integration") and _within(item.path, LIGHT) and not _within(item.path, CLOCKS):
            item.add_marker(pytest.mark.light)


def _within(path: Path, places: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(TESTS / place) for place in places)
