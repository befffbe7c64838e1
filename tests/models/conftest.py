"""One real Triton for the tests of this folder that do not break it."""

from collections.abc import Iterator

import pytest

from tests.models.running_triton import RunningTriton, running


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    with running(tmp_path_factory.mktemp("triton")) as server:
        yield server
