"""What all contenders share: one Triton, one online store with demo accounts, one receiver of traces."""

import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from loadtests.compare.processes import family
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import seed
from tidegate.models.runtime.preparation import Workplace, prepare
from tidegate.models.runtime.readiness import ReadinessProbe
from tidegate.models.selection import select
from tidegate.models.serving_profile import ProfileName
from tidegate.serving.composition import RISK_MODEL
from tidegate.serving.signals.risk_adapter import risk_choice
from tidegate.serving.stack.child import Child
from tidegate.serving.stack.ports import LOOPBACK, free_ports
from tidegate.serving.stack.probe import accepts

Say = Callable[[str], None]
_READY_S = 240.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the shared parts are."""

    triton: str
    """host:port of its gRPC."""
    otlp: str
    """http://host:port for spans over gRPC."""
    otlp_http: str
    """URL for Triton's spans."""
    features: Path
    """Feature repository."""


class SharedParts:
    """Started once, and stopped at the end."""

    def __init__(self, checkout: Path, work: Path, *, accounts: int, say: Say) -> None:
        """Chooses ports and places.

        Args:
            checkout: Where Triton's environment and models are built.
            work: Folder of this run, emptied.
            accounts: How many the online store is to know.
            say: Is told of progress.
        """
        self._checkout, self._work, self._accounts, self._say = checkout, work, accounts, say
        triton, grpc_port, http_port = free_ports(3)
        self._ports = (grpc_port, http_port)
        self.addresses = Addresses(
            triton=f"{LOOPBACK}:{triton}",
            otlp=f"http://{LOOPBACK}:{grpc_port}",
            otlp_http=f"http://{LOOPBACK}:{http_port}/v1/traces",
            features=work / "features",
        )
        self._children: list[Child] = []
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def processes(self) -> list[int]:
        """Triton, the receiver and all beneath them."""
        return family(child.process.pid for child in self._children)

    def _start(self) -> None:
        ready = prepare(Workplace(self._checkout), ProfileName.CPU, report=self._say)
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        self._start_receiver()
        self._say("starting Triton")
        command = [sys.executable, "-m", "tidegate.models.runtime", "--root", str(self._checkout), "serve"]
        command += ["--grpc-port", self.addresses.triton.rpartition(":")[2]]
        command += ["--log", str(self._work / "tritonserver.log"), "--otlp-http-url", self.addresses.otlp_http]
        triton = self._child("triton", command)
        self._seed()
        probe = ReadinessProbe(self.addresses.triton)
        self._closing.callback(probe.close)
        triton.wait_until(lambda: probe.ready(ready.repository.models), timeout_s=_READY_S)

    def _start_receiver(self) -> None:
        grpc_port, http_port = map(str, self._ports)
        command = [sys.executable, "-m", "tidegate.telemetry.receiver", "--grpc-port", grpc_port]
        command += ["--http-port", http_port, "--store", str(self._work / "traces.sqlite")]
        self._child("otlp-receiver", command).wait_until(
            lambda: accepts(self.addresses.otlp.removeprefix("http://")), timeout_s=_READY_S
        )

    def _seed(self) -> None:
        self._say(f"generating {self._accounts:,} accounts")
        seed(
            self.addresses.features,
            OnlineChoice(),
            count=self._accounts,
            random_seed=1,
            now=datetime.now(UTC),
            progress=lambda _: None,
            risk=risk_choice(select().live.get(RISK_MODEL)),
        )

    def _child(self, name: str, command: list[str]) -> Child:
        child = Child(name, command, log=self._work / f"{name}.log")
        self._children.append(child)
        self._closing.callback(child.stop)
        return child
