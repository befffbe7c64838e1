"""A server in a process of its own, to be killed and started again on the same port and the same ledger.

As a program, with the port, the ledger's path and the text stage's delay in seconds: prints READY and serves.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import grpc

from tests.serving.in_process import ScriptedFeatures, ScriptedImages, ScriptedSpeech, ScriptedText
from tidegate.ledger.record_format import decode
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.serving import composition
from tidegate.serving.router import RouterMethods
from tidegate.serving.settings import load_settings
from tidegate.serving.stack.ports import free_ports
from tidegate.serving.stage_ports import StagePorts
from tidegate.serving.wire import add_moderation_service
from tidegate.telemetry.setup import configure_tracing

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class ServingProcess:
    """One server that can die."""

    ledger: Path
    port: int
    delay_s: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def on_a_free_port(cls, ledger: Path, *, delay_s: float = 0.0) -> "ServingProcess":
        (port,) = free_ports(1)
        return cls(ledger, port, delay_s)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it serves."""
        arguments = [str(self.port), str(self.ledger), str(self.delay_s)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.client.serving_process", *arguments], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"READY\n"

    def kill(self) -> None:
        """As `kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def recorded(self) -> Counter[str]:
        """How many decisions the ledger holds, by content id."""
        archive = SqliteArchive(self.ledger)
        try:
            return Counter(decode(payload).content_id for payload in archive.payloads())
        finally:
            archive.close()


async def _serve(port: int, ledger: Path, delay_s: float) -> None:
    parts = composition.router(
        load_settings(),
        configure_tracing(service_name="test", endpoint=None),
        stages=StagePorts(
            features=ScriptedFeatures(),
            text=ScriptedText(delay_s=delay_s),
            images=ScriptedImages(),
            speech=ScriptedSpeech(),
        ),
        records=SqliteLedger(ledger, timeout_s=30),
    )
    server = grpc.aio.server()
    add_moderation_service(RouterMethods(parts), server)
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    await server.start()
    print("READY", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
