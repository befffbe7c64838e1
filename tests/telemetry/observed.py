"""What the telemetry fixtures hand to a test."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.telemetry.kept_spans import KeptSpans
from tidegate.telemetry.recorder import Recorder


@dataclass(frozen=True)
class Recording:
    tracer: Recorder
    exporter: KeptSpans

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
