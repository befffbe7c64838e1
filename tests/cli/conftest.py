"""Settings of a stack that does not run: commands keep what they write in its directory."""

from pathlib import Path

import pytest

from tidegate.serving.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")
