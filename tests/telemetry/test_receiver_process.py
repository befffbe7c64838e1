"""The real receiver process, fed by the real exporters, by what Triton sends, and by what is broken."""

import gzip
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.telemetry.observed import Receiver, StartReceiver
from tidegate.moderation.item import Surface
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, ServiceName, SpanName
from tidegate.telemetry.propagation import current, header_if_sampled
from tidegate.telemetry.receiver.payload import MAX_MESSAGE_BYTES
from tidegate.telemetry.setup import configure_tracing, tracer_of
from tidegate.telemetry.span_archive import SpanArchive
from tidegate.telemetry.spans import entry_span, span
from tidegate.telemetry.waterfall import build_waterfall

pytestmark = pytest.mark.integration

CAPTURED = Path(__file__).parent / "captured" / "triton_2_51_grpc_infer.json"
JSON, PROTOBUF = "application/json", "application/x-protobuf"
COLLECTOR = "opentelemetry.proto.collector"


def post(
    receiver: Receiver, body: bytes, content_type: str, *, path: str = "/v1/traces", encoding: str = ""
) -> tuple[int, bytes]:
    headers = {"Content-Type": content_type, **({"Content-Encoding": encoding} if encoding else {})}
    request = urllib.request.Request(f"http://{receiver.http}{path}", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def call(receiver: Receiver, service: str, body: bytes) -> bytes:
    with grpc.insecure_channel(receiver.grpc) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{COLLECTOR}.{service}/Export")
        return method(body, timeout=20)


def refused(receiver: Receiver, body: bytes) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as raised:
        call(receiver, "trace.v1.TraceService", body)
    code: grpc.StatusCode = raised.value.code()
    return code


def names(receiver: Receiver, trace_id: str) -> list[str]:
    with SpanArchive(receiver.store) as archive:
        return [made.name for made in archive.spans(trace_id)]


def test_one_trace_goes_through_every_process_and_tritons_json_joins_it(receiver: Receiver) -> None:
    """Client, router, detector stage and Triton each report on their own; one trace id holds them together."""
    client, router, text = (
        configure_tracing(service_name=name, endpoint=f"http://{receiver.grpc}")
        for name in (ServiceName.CLIENT, ServiceName.ROUTER, ServiceName.TEXT)
    )
    with (
        entry_span(tracer_of(client), SpanName.CLIENT_MODERATE, caller=None) as called,
        entry_span(
            tracer_of(router),
            SpanName.MODERATE,
            caller=current(called),
            attributes={Attribute.SURFACE: Surface.COMMENT},
        ),
        span(tracer_of(router), SpanName.GATHER) as gather,
        batch_span(tracer_of(text), SpanName.TEXT_SCORE, [current(gather)]),
        span(tracer_of(text), SpanName.TRITON_INFER) as infer,
    ):
        header = TraceContext.parse(header_if_sampled(infer) or "")
    assert header is not None
    tritons = CAPTURED.read_text().replace("1af7651916cd43dd8448eb211c80319c", header.trace_id)
    tritons = tritons.replace("b7ad6b7169203332", header.span_id)
    assert post(receiver, tritons.encode(), JSON) == (200, b"{}")
    for provider in (client, router, text):
        provider.shutdown()
    with SpanArchive(receiver.store) as archive:
        waterfall = build_waterfall(archive.spans(header.trace_id))
    # Triton's captured clock is another day's, so its rows are placed by their parents only.
    assert [(row.depth, row.span.service, row.span.name) for row in waterfall.rows] == [
        (0, "tidegate-client", "tidegate.client.Moderate"),
        (1, "tidegate-router", "tidegate.moderate"),
        (2, "tidegate-router", "tidegate.gather"),
        (3, "tidegate-text", "tidegate.text.score"),
        (4, "tidegate-text", "tidegate.triton.infer"),
        (5, "tidegate-triton", "InferRequest"),
        (6, "tidegate-triton", "double"),
        (7, "tidegate-triton", "compute"),
    ]
    assert waterfall.facts()[Attribute.SURFACE] == "comment"


def test_an_unsampled_request_leaves_nothing(receiver: Receiver) -> None:
    provider = configure_tracing(service_name=ServiceName.ROUTER, endpoint=f"http://{receiver.grpc}")
    tracer = tracer_of(provider)
    caller = TraceContext("0bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b8", sampled=False)
    with (
        entry_span(tracer, SpanName.MODERATE, caller=caller),
        span(tracer, SpanName.GATHER) as gather,
        batch_span(tracer, SpanName.TEXT_SCORE, [current(gather)]),
        span(tracer, SpanName.TRITON_INFER),
    ):
        assert header_if_sampled() is None
    provider.shutdown()
    with SpanArchive(receiver.store) as archive:
        assert archive.recent(10) == []


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_sdks_http_exporter_is_understood(receiver: Receiver, compression: Compression) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "other-sdk"}))
    exporter = HttpSpanExporter(endpoint=f"http://{receiver.http}/v1/traces", compression=compression)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with entry_span(provider.get_tracer("other"), SpanName.MODERATE, caller=None) as made:
        trace_id = current(made).trace_id
    provider.shutdown()
    assert names(receiver, trace_id) == ["tidegate.moderate"]


def test_empty_metrics_and_logs_are_answered(receiver: Receiver) -> None:
    metrics, logs = ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    assert call(receiver, "metrics.v1.MetricsService", metrics.SerializeToString()) == b""
    assert call(receiver, "logs.v1.LogsService", logs.SerializeToString()) == b""
    for path in ("/v1/metrics", "/v1/logs"):
        assert post(receiver, b"", PROTOBUF, path=path) == (200, b"")
        assert post(receiver, b"{}", JSON, path=path) == (200, b"{}")


def test_broken_payloads_are_refused_and_the_receiver_goes_on(receiver: Receiver) -> None:
    assert refused(receiver, b"\xff\xff\xff") is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(receiver, bytes(MAX_MESSAGE_BYTES + 1)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert post(receiver, b"\xff\xff\xff", PROTOBUF)[0] == 400
    status, body = post(receiver, b"{", JSON)
    assert (status, json.loads(body)) == (400, {"code": 3, "message": "not valid JSON"})
    assert post(receiver, b"x" * (MAX_MESSAGE_BYTES + 1), JSON)[0] == 413
    assert post(receiver, b"spans", "text/plain")[0] == 415
    assert post(receiver, b"not gzip at all", JSON, encoding="gzip")[0] == 400
    assert post(receiver, gzip.compress(b"{}")[:-6], JSON, encoding="gzip")[0] == 400
    assert post(receiver, b"{}", JSON, encoding="br")[0] == 415
    assert post(receiver, gzip.compress(bytes(20 * MAX_MESSAGE_BYTES)), JSON, encoding="gzip")[0] == 413
    assert post(receiver, gzip.compress(CAPTURED.read_bytes()), JSON, encoding="gzip")[0] == 200
    assert len(names(receiver, "1af7651916cd43dd8448eb211c80319c")) == 3


def test_spans_that_cant_be_stored_are_reported_and_the_others_are_stored(receiver: Receiver) -> None:
    good = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="good", start_time_unix_nano=1)
    bad = Span(trace_id=b"t", span_id=b"s" * 8, name="bad", start_time_unix_nano=1)
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[good, bad])])])
    body = request.SerializeToString()
    for answer in (call(receiver, "trace.v1.TraceService", body), post(receiver, body, PROTOBUF)[1]):
        assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 1
    assert names(receiver, (b"t" * 16).hex()) == ["good"]


def test_told_to_stop_it_stops_and_what_it_acknowledged_is_there(receiver: Receiver) -> None:
    assert post(receiver, CAPTURED.read_bytes(), JSON)[0] == 200
    receiver.process.send_signal(signal.SIGTERM)
    assert receiver.process.wait(timeout=20) == 0
    assert len(names(receiver, "1af7651916cd43dd8448eb211c80319c")) == 3


@pytest.mark.parametrize("taken", ["grpc", "http"])
def test_a_port_that_is_taken_is_said_plainly(start_receiver: StartReceiver, tmp_path: Path, taken: str) -> None:
    first = start_receiver([])
    port = (first.grpc if taken == "grpc" else first.http).rpartition(":")[2]
    ports = {"grpc": "0", "http": "0", taken: port}
    command = [sys.executable, "-m", "tidegate.telemetry.receiver", "--store", str(tmp_path / "other")]
    options = ["--grpc-port", ports["grpc"], "--http-port", ports["http"]]
    second = subprocess.run([*command, *options], capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert "can't both be had" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_store_that_cant_be_opened_is_said_plainly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tidegate.telemetry.receiver", "--grpc-port", "0", "--http-port", "0"]
    result = subprocess.run(
        [*command, "--store", str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert result.returncode == 2
    (tmp_path / "notes.txt").write_text("not a database " * 100)
    result = subprocess.run(
        [*command, "--store", str(tmp_path / "notes.txt")], capture_output=True, text=True, timeout=30, check=False
    )
    assert result.returncode == 1
    assert "can't be opened" in result.stderr
    assert "Traceback" not in result.stderr


def test_it_says_that_it_is_healthy(receiver: Receiver) -> None:
    with urllib.request.urlopen(f"http://{receiver.http}/healthz", timeout=20) as answer:
        assert answer.read() == b"ok\n"
