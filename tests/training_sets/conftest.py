"""An installation for one test, from a copy of an applied repository."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.features.stream.online_stores import applied
from tests.training_sets.installation import Installation
from tidegate.features.online import OnlineChoice


@pytest.fixture(scope="session")
def applied_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository that no test changes: applying takes a second."""
    return applied(tmp_path_factory.mktemp("applied"), OnlineChoice())


@pytest.fixture
async def installation(applied_features: Path, tmp_path: Path) -> AsyncIterator[Installation]:
    """Empty, at `START`."""
    ignored = shutil.ignore_patterns("*-wal", "*-shm")
    await asyncio.to_thread(shutil.copytree, applied_features, tmp_path / "features", ignore=ignored)
    opened = Installation(tmp_path)
    try:
        yield opened
    finally:
        await opened.close()
