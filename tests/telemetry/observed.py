"""What the telemetry fixtures hand to a test."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer


@dataclass(frozen=True)
class Recording:
    tracer: Tracer
    exporter: InMemorySpanExporter

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.exporter.get_finished_spans()]


@dataclass(frozen=True)
class Receiver:
    process: "subprocess.Popen[str]"
    grpc: str
    http: str
    store: Path


StartReceiver = Callable[[Sequence[str]], Receiver]
