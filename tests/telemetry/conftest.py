"""What the telemetry tests share: a provider that keeps its spans in memory, and a real receiver process."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from tests.telemetry.observed import Receiver, Recording, StartReceiver
from tidegate.telemetry.setup import tracer_of


@pytest.fixture
def recording() -> Iterator[Recording]:
    provider = TracerProvider(sampler=ParentBased(ALWAYS_ON))
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Recording(tracer_of(provider), exporter)
    provider.shutdown()


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
