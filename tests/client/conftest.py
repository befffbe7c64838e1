"""A server that records events, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.sample_events import QUICK
from tests.serving.recording_server import RecordingServer, recording
from tidegate.client import TidegateClient


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RecordingServer]:
    with recording(tmp_path / "events.db") as server:
        yield server


@pytest.fixture
def client(server: RecordingServer) -> Iterator[TidegateClient]:
    with TidegateClient(server.address, retry=QUICK) as client:
        yield client
