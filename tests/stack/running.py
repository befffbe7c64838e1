"""A whole stack as a user would run it: the command, real Triton, Feast, Ray Serve behind HAProxy, the ledger."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tidegate.serving.stack.state import is_running

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from tidegate.cli.main import main; main()")


@dataclass
class Stack:
    """One embedded stack in its own state directory, on its own port."""

    state_dir: Path
    port: int
    env: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def ledger(self) -> Path:
        return self.state_dir / "ledger.db"

    def run(self, *arguments: str, text: str | None = None, timeout_s: float = 200) -> subprocess.CompletedProcess[str]:
        """Runs one command against this stack."""
        env = {
            **os.environ,
            "TIDEGATE_GRPC__PORT": str(self.port),
            "TIDEGATE_FEATURES__DEMO_ACCOUNTS": "50",
            **self.env,
        }
        return subprocess.run(
            [*COMMAND, "--state-dir", str(self.state_dir), *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=text,
            env=env,
            cwd=ROOT,
            timeout=timeout_s,
        )

    def json(self, *arguments: str) -> dict[str, Any]:
        """Runs a command that prints one JSON object."""
        done = self.run(*arguments)
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    def moderate(self, text: str, *arguments: str) -> dict[str, Any]:
        """Decides on one text."""
        return self.json("moderate", "--text", text, "--account", "a", "--json", *arguments)

    def spans(self, trace_id: str, *, until: set[str]) -> list[dict[str, Any]]:
        """A trace's spans, once it has these names: processes export on their own time, slowly on a busy machine."""
        found: list[dict[str, Any]] = []

        def complete() -> bool:
            done = self.run("trace", trace_id, "--json")
            found[:] = json.loads(done.stdout)["spans"] if done.returncode == 0 else []
            return until <= {span["name"] for span in found}

        eventually(complete, timeout_s=30)
        return found

    def up(self) -> None:
        """Starts it; fails with its log if it does not come up."""
        done = self.run("up", "--detach", timeout_s=360)
        log = self.state_dir / "logs/stack.log"
        assert done.returncode == 0, f"{done.stderr}\n{log.read_text()[-4000:] if log.exists() else ''}"

    def up_unless_running(self) -> None:
        """Starts it if a test has ended it."""
        if not is_running(self.state_dir):
            self.up()

    def down(self) -> None:
        """Stops it as a user would."""
        self.run("down")

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything beneath it."""
        supervisor = psutil.Process(self.json("status", "--json")["pid"])
        return [supervisor, *supervisor.children(recursive=True)]

    def log_of(self, deployment: str) -> str:
        """What its replicas have written, where the runbooks say that it is."""
        opened = {file.path for process in self.processes() for file in process.open_files()}
        logs = sorted(path for path in opened if f"/serve/replica_tidegate_{deployment}_" in path)
        return "".join(Path(path).read_text() for path in logs)

    def part(self, name: str) -> dict[str, Any]:
        """One part as `status` tells of it."""
        parts: list[dict[str, Any]] = self.json("status", "--json")["parts"]
        return next(part for part in parts if part["name"] == name)

    def triton_servers(self) -> list[psutil.Process]:
        """The Triton server beneath its runtime."""
        runtime = psutil.Process(self.part("triton")["pid"])
        return [child for child in runtime.children(recursive=True) if child.name() == "tritonserver"]


def eventually(check: Callable[[], bool], *, timeout_s: float) -> bool:
    """Whether `check` becomes true in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.2)
    return check()
