"""What the telemetry tests share: a tracer that keeps its spans in memory, and a real receiver process."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.telemetry.kept_spans import KeptSpans
from tests.telemetry.observed import Receiver, Recording, StartReceiver


@pytest.fixture
def recording() -> Recording:
    kept = KeptSpans()
    return Recording(kept.recorder, kept)


@pytest.fixture
def start_receiver(tmp_path: Path) -> Iterator[StartReceiver]:
    """Starts receivers on free ports and stops them at the end."""
    with ExitStack() as stack:

        def start(options: Sequence[str]) -> Receiver:
            store = tmp_path / "traces.sqlite"
            command = [sys.executable, "-m", "tidegate.telemetry.receiver", "--store", str(store)]
            process = subprocess.Popen(
                [*command, "--grpc-port", "0", "--http-port", "0", *options], stdout=subprocess.PIPE, text=True
            )
            stack.callback(_stop, process)
            assert process.stdout is not None
            ready, grpc, http, *_ = process.stdout.readline().split()
            assert ready == "ready"
            return Receiver(process, grpc.removeprefix("grpc="), http.removeprefix("http="), store)

        yield start


@pytest.fixture
def receiver(start_receiver: StartReceiver) -> Receiver:
    return start_receiver([])


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
