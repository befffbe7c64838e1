"""What a running embedded stack tells the commands that look for it: one small file in the state directory."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path

_FILE = "stack.json"
_LOCK = "stack.lock"


class StackPhase(StrEnum):
    """Where a stack stands."""

    STARTING = "STARTING"
    READY = "READY"
    STOPPING = "STOPPING"
    FAILED = "FAILED"
    DEGRADED = "DEGRADED"
    """As `tidegate status` finds it: decisions are made, and a part is not READY. The supervisor writes READY."""
    NOT_SERVING = "NOT_SERVING"
    """As `tidegate status` finds it: up, and no decisions are made."""


class PartState(StrEnum):
    """Where one part of the stack stands."""

    WAITING = "WAITING"
    """For others that start before it."""
    STARTING = "STARTING"
    READY = "READY"
    RESTARTING = "RESTARTING"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class StackPart:
    """One part of the stack."""

    name: str
    """"router", "triton", ..."""
    state: PartState
    """Where it stands."""
    address: str = ""
    """Where it listens, or the file it is; empty if neither."""
    pid: int | None = None
    """Its process, if it is one of its own."""


@dataclass(frozen=True, slots=True)
class StackState:
    """A whole stack."""

    phase: StackPhase
    """Where it stands."""
    pid: int
    """The supervisor's process."""
    grpc_address: str
    """Where clients call."""
    topology: str
    """distributed or colocated."""
    parts: tuple[StackPart, ...] = ()
    """In starting order."""
    reason: str = ""
    """Why it FAILED, is DEGRADED or NOT_SERVING."""
    settings: dict[str, object] = field(default_factory=dict)
    """The settings it runs with, addresses filled in."""


class StackAlreadyRunningError(Exception):
    """Another stack holds this state directory."""


def write_state(directory: Path, state: StackState) -> None:
    """Replaces the state file in one step, so that a reader never sees half of it."""
    temporary = directory / f"{_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(state), indent=2))
    temporary.replace(directory / _FILE)


def read_state(directory: Path) -> StackState | None:
    """The stack's state, or None if none is running: a file left behind by a killed stack does not count."""
    try:
        plain = json.loads((directory / _FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    plain["phase"] = StackPhase(plain["phase"])
    plain["parts"] = tuple(StackPart(**{**part, "state": PartState(part["state"])}) for part in plain["parts"])
    state = StackState(**plain)
    return state if state.phase is StackPhase.FAILED or is_running(directory) else None


def forget_state(directory: Path) -> None:
    """Removes what an earlier stack left to be read."""
    (directory / _FILE).unlink(missing_ok=True)


def is_running(directory: Path) -> bool:
    """Whether a process holds the state directory."""
    try:
        with (directory / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def hold(directory: Path) -> TextIOWrapper:
    """Takes the state directory for this process until it ends, however it ends.

    Raises:
        StackAlreadyRunningError: Another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / _LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StackAlreadyRunningError from error
    return lock
