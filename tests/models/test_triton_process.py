"""A real Triton: what it serves, what it traces, and how it comes back."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from tests.models.running_triton import PLACE, RunningTriton, free_port, prepared, running
from tidegate.models.catalogue import catalogue
from tidegate.models.export.golden import golden_of
from tidegate.models.runtime.readiness import ReadinessProbe
from tidegate.models.runtime.server import ServerState

pytestmark = pytest.mark.integration

SPEC = catalogue()["text_harm"]


def logits(address: str, ids: tuple[int, ...], **keywords: object) -> np.ndarray:
    tokens = np.array([ids], dtype=np.int64)
    inputs = [InferInput(one.name, list(tokens.shape), "INT64") for one in SPEC.inputs]
    inputs[0].set_data_from_numpy(tokens)
    inputs[1].set_data_from_numpy(np.ones_like(tokens))
    with InferenceServerClient(address) as client:
        return client.infer(SPEC.name, inputs, client_timeout=10, **keywords).as_numpy("logits")  # type: ignore[no-any-return]  # untyped


def test_served_logits_are_the_trained_networks(triton: RunningTriton) -> None:
    golden = golden_of(SPEC)
    for ids, expected in zip(golden.ids, golden.logits, strict=True):
        assert np.abs(logits(triton.address, ids) - expected).max() < 1.0


def test_a_request_of_another_shape_is_refused_and_the_server_goes_on(triton: RunningTriton) -> None:
    tokens = np.zeros((1, 3), dtype=np.int32)
    wrong = InferInput("input_ids", [1, 3], "INT32")
    wrong.set_data_from_numpy(tokens)
    with InferenceServerClient(triton.address) as client, pytest.raises(InferenceServerException):
        client.infer(SPEC.name, [wrong])
    assert logits(triton.address, (101, 102)).shape == (1, 6)


def test_rows_outside_the_vocabulary_fail_that_request_only(triton: RunningTriton) -> None:
    with pytest.raises(InferenceServerException, match="inference failed"):
        logits(triton.address, (101, 10_000_000, 102))
    assert logits(triton.address, (101, 102)).shape == (1, 6)


def test_a_killed_server_is_started_again_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running(tmp_path) as triton:
        killed = triton.server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while ServerState.BACKING_OFF not in [one.state for one in triton.changes] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert triton.server.wait_ready(60)
        assert triton.server.pid != killed
        assert logits(triton.address, (101, 102)).shape == (1, 6)
        prefix = f"tidegate_{os.getpid()}_{triton.port}_"
    assert [one.state for one in triton.changes] == [
        ServerState.STARTING,
        ServerState.READY,
        ServerState.BACKING_OFF,
        ServerState.STARTING,
        ServerState.READY,
        ServerState.STOPPED,
    ]
    assert not list(Path("/dev/shm").glob(f"{prefix}*"))


class Collector:
    """Takes what Triton posts."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append((self.path, self.headers["Content-Type"], body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> "Collector":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self) -> list[dict[str, str]]:
        return [
            span
            for _, _, body in self.bodies
            for resource in json.loads(body)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def test_only_requests_with_a_traceparent_are_traced_and_join_its_trace(tmp_path: Path) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with Collector() as collector, running(tmp_path, otlp_http_url=collector.url) as triton:
        for _ in range(5):
            logits(triton.address, (101, 102))
        logits(triton.address, (101, 102), headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"})
        deadline = time.monotonic() + 20
        while not collector.spans() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        spans = collector.spans()
    path, content_type, _ = collector.bodies[0]
    assert path == "/v1/traces"
    assert content_type == "application/json"
    assert {span["traceId"].lower() for span in spans} == {trace_id}
    assert {"InferRequest", "compute"} <= {span["name"] for span in spans}


def test_the_command_serves_and_dies_with_whoever_started_it(tmp_path: Path) -> None:
    """`kill -9` of the parent leaves neither supervisor nor server behind."""
    prepared()
    port = free_port()
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import subprocess, sys, time\n"
                "subprocess.Popen([sys.executable, '-m', 'tidegate.models.runtime', '--root', sys.argv[1], 'serve',"
                " '--grpc-port', sys.argv[2]])\n"
                "time.sleep(120)"
            ),
            str(PLACE.root),
            str(port),
        ],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
    )
    probe = ReadinessProbe(f"127.0.0.1:{port}")
    try:
        assert eventually(lambda: probe.ready([(SPEC.name, SPEC.version)]))
        servers = processes_with(f"--grpc-port={port}")
        assert servers
    finally:
        parent.kill()
        parent.wait()
    assert eventually(lambda: not processes_with(f"--grpc-port={port}"))
    assert eventually(lambda: not processes_with(f"_{port}_"))
    probe.close()


def eventually(condition: "object", *, within_s: float = 40.0) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def processes_with(argument: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument in entry.read_bytes().decode(errors="replace"):
                found.append(int(entry.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
