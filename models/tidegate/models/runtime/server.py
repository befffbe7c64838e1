"""One supervised Triton server: started, waited for, watched, restarted, stopped.

Stands beside the request path: it keeps the process alive that the Triton adapter talks to.
"""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from tidegate.models.runtime.backoff import Backoff
from tidegate.models.runtime.command import TritonSettings, server_command, server_environment
from tidegate.models.runtime.installation import TritonInstallation
from tidegate.models.runtime.readiness import ReadinessProbe

_POLL_S: Final = 0.1
_PROBE_EVERY_S: Final = 3.0
_PROBES_MISSED: Final = 10
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where the kernel keeps it


class ServerState(StrEnum):
    """Where a server stands."""

    STARTING = "STARTING"
    READY = "READY"
    BACKING_OFF = "BACKING_OFF"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class StateChange:
    """Told to the callback on every change."""

    state: ServerState
    """The new state."""
    detail: str
    """Why, for a log."""
    restarts: int
    """How often the server was started again so far."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What counts as ready, and how long that may take."""

    models: tuple[tuple[str, str], ...]
    """Name and version of every model that must answer."""
    within_s: float = 60.0
    """From the start of the process."""


class TritonServer:
    """Runs one server until `stop`. Thread-safe; the watching is done by a thread of its own."""

    def __init__(
        self,
        settings: TritonSettings,
        installation: TritonInstallation,
        readiness: Readiness,
        *,
        on_change: Callable[[StateChange], None] = lambda _: None,
        log: Path | None = None,
        backoff: Backoff | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._settings, self._installation, self._readiness = settings, installation, readiness
        self._on_change, self._log = on_change, log
        self._backoff, self._chance = backoff or Backoff(), chance or random.Random()  # noqa: S311 - jitter
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._state = ServerState.STOPPED
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._restarts = 0

    @property
    def address(self) -> str:
        """Host and port of its gRPC."""
        return f"{self._settings.host}:{self._settings.grpc_port}"

    @property
    def state(self) -> ServerState:
        """Where it stands."""
        return self._state

    @property
    def pid(self) -> int | None:
        """Of the server's process, while there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Starts and begins to watch; returns at once. Raises TritonUnavailableError if it can't run here at all."""
        self._installation.verify()
        self._watcher = threading.Thread(target=self._watch, name="triton-watcher", daemon=True)
        self._watcher.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """True once every model is ready, False if that took longer."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """Lets requests in flight finish, then ends the process, by force if it does not go."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None

    def _watch(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            reason, ready_s = self._run_once()
            if self._stopping.is_set():
                break
            failures = 1 if ready_s >= self._backoff.reset_after_s else failures + 1
            wait_s = self._backoff.wait_s(failures, self._chance)
            self._restarts += 1
            self._change(ServerState.BACKING_OFF, f"{reason}; next start in {wait_s:.1f} s")
            self._stopping.wait(wait_s)
        self._change(ServerState.STOPPED, "stopped")

    def _run_once(self) -> tuple[str, float]:
        """One life of the server. Returns why it ended and how many seconds it was ready."""
        self._change(ServerState.STARTING, f"gRPC at {self.address}")
        remove_shared_memory(self._settings.shared_memory_prefix)
        self._spawn()
        probe = ReadinessProbe(self.address)
        try:
            reason = self._until_ready(probe)
            if reason is not None:
                return reason, 0.0
            began = time.monotonic()
            self._change(ServerState.READY, f"{len(self._readiness.models)} models")
            return self._until_gone(probe), time.monotonic() - began
        finally:
            probe.close()
            self._end()

    def _until_ready(self, probe: ReadinessProbe) -> str | None:
        deadline = time.monotonic() + self._readiness.within_s
        while not self._stopping.wait(_POLL_S):
            if (code := self._exit_code()) is not None:
                return f"exited with {code} before it was ready"
            if probe.ready(self._readiness.models):
                return None
            if time.monotonic() > deadline:
                return f"not ready within {self._readiness.within_s:.0f} s"
        return "stopping"

    def _until_gone(self, probe: ReadinessProbe) -> str:
        next_probe, missed = time.monotonic() + _PROBE_EVERY_S, 0
        while not self._stopping.wait(_POLL_S):
            if (code := self._exit_code()) is not None:
                return f"exited with {code}"
            if time.monotonic() < next_probe:
                continue
            missed = 0 if probe.live() else missed + 1
            next_probe = time.monotonic() + _PROBE_EVERY_S
            if missed >= _PROBES_MISSED:
                return f"did not answer {missed} probes in a row"
        return "stopping"

    def _spawn(self) -> None:
        command = server_command(self._settings, self._installation, parent=os.getpid())
        output = self._log.open("ab") if self._log is not None else None
        try:
            self._process = subprocess.Popen(
                command,
                env=server_environment(self._installation),
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the terminal reaches us, and we stop it in order
            )
        finally:
            if output is not None:
                output.close()
        if self._settings.niceness:
            _give_way(self._process.pid, self._settings.niceness)

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process is not None else 0

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(self._settings.exit_timeout_s + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # stubs outlive a server that was killed; its session is its own
        self._process = None
        remove_shared_memory(self._settings.shared_memory_prefix)

    def _change(self, state: ServerState, detail: str) -> None:
        self._state = state
        if state is ServerState.READY:
            self._ready.set()
        else:
            self._ready.clear()
        self._on_change(StateChange(state, detail, self._restarts))


def remove_shared_memory(prefix: str) -> Sequence[str]:
    """Removes this server's regions and those of supervisors that are gone, and returns their names."""
    left = [path for path in _SHARED_MEMORY.glob("tidegate_*") if path.name.startswith(prefix) or _is_orphan(path)]
    for path in left:
        path.unlink(missing_ok=True)
    return [path.name for path in left]


def _is_orphan(path: Path) -> bool:
    owner = path.name.split("_")[1]
    return owner.isdigit() and not Path("/proc", owner).exists()


def _give_way(session: int, niceness: int) -> None:
    with contextlib.suppress(OSError):  # it may have ended
        os.setpriority(os.PRIO_PGRP, session, min(19, os.getpriority(os.PRIO_PROCESS, 0) + niceness))
    with contextlib.suppress(OSError):  # where the kernel shares cores between sessions, `nice` counts only within one
        Path(f"/proc/{session}/autogroup").write_text(str(niceness))
