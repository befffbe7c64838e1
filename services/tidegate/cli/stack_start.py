"""Waits for a stack that starts in the background, and tells how far it is."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from tidegate.cli.steps import Steps
from tidegate.serving.stack.state import PartState, StackPhase, StackState, read_state

STOP_S: Final = 30.0
"""Given to a stack that is given up to stop what it started; then it is killed, and its warden does the rest."""
_POLL_S: Final = 0.1
_SILENCE_S: Final = 15.0
"""A line says at least this often what is still waited for."""


class StackStart:
    """One start: the supervisor's process, and where it tells how far it is."""

    def __init__(self, process: "subprocess.Popen[bytes]", directory: Path, *, timeout_s: float) -> None:
        """Waits for nothing yet.

        Args:
            process: The supervisor.
            directory: Its state directory.
            timeout_s: How long the start may take.
        """
        self._process = process
        self._directory = directory
        self._timeout_s = timeout_s

    def in_background(self, log: Path) -> StackState:
        """The stack's state once decisions are made. Tells of every part meanwhile.

        Args:
            log: The supervisor's output.

        Raises:
            click.ClickException: It ended, or took too long and was stopped again: why, and what to do next.
        """
        with Steps(f"starting the stack, for up to {self._timeout_s:.0f} s; log {log}") as say:
            ready = self._awaited(StartProgress(say).tell, log=f"log {log}")
        if ready is None:
            raise click.ClickException(f"the stack did not start: {self._reason()}. Log: {log}")
        return ready

    def in_foreground(self) -> int:
        """The exit status once the stack has ended. The supervisor tells of its parts itself.

        Raises:
            click.ClickException: It took too long and was stopped again.
        """
        self._awaited(lambda _, __: None, log="lines above")
        return self._process.wait()

    def _awaited(self, tell: Callable[[StackState, float], None], *, log: str) -> StackState | None:
        """None if the supervisor ended before its stack was ready."""
        started_s = time.monotonic()
        while (took_s := time.monotonic() - started_s) < self._timeout_s:
            ended = self._process.poll() is not None
            state = read_state(self._directory)
            if state is not None:
                tell(state, took_s)
                if state.phase is StackPhase.READY:
                    return state
            if ended:
                return None
            time.sleep(_POLL_S)
        left = not_ready(read_state(self._directory))
        self._stop()
        raise click.ClickException(
            f"the stack was not ready after {self._timeout_s:.0f} s and was stopped again; {left}. On a busy or slow "
            f"machine give it longer: `tidegate up --detach --timeout {2 * self._timeout_s:.0f}`. Else the {log} "
            "may say what is wrong"
        )

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _reason(self) -> str:
        state = read_state(self._directory)
        reason = state.reason.rstrip(". ") if state is not None else ""
        return reason or f"it ended with {self._process.returncode}"


class StartProgress:
    """Tells of each part as its state changes, and of what is waited for meanwhile."""

    def __init__(self, say: Steps) -> None:
        self._say = say
        self._told: dict[str, PartState] = {}
        self._told_s = 0.0

    def tell(self, state: StackState, took_s: float) -> None:
        """Takes the present state.

        Args:
            state: Of the stack.
            took_s: Since the start.
        """
        for part in state.parts:
            if self._told.get(part.name, PartState.WAITING) is not part.state:
                self._told[part.name] = part.state
                self._line(f"{part.name}: {part.state.lower()}", took_s)
        if state.phase is StackPhase.STARTING:
            self._say.glimpse(f"{took_s:.0f} s, {not_ready(state)}")
            if took_s - self._told_s >= _SILENCE_S:
                self._line(not_ready(state), took_s)

    def _line(self, line: str, took_s: float) -> None:
        self._told_s = took_s
        self._say(f"{took_s:>4.0f} s  {line}")


def not_ready(state: StackState | None) -> str:
    """Which parts are waited for, and which of these for others."""
    if state is None:
        return "its supervisor had not begun"
    under_way = [
        part.name if part.state is PartState.STARTING else f"{part.name} ({part.state.lower()})"
        for part in state.parts
        if part.state not in {PartState.READY, PartState.WAITING}
    ]
    behind = [part.name for part in state.parts if part.state is PartState.WAITING]
    if not under_way and not behind:
        return "every part is ready"
    told = [f"not ready: {', '.join(under_way)}"] if under_way else []
    told += [f"not begun: {', '.join(behind)}"] if behind else []
    return "; ".join(told)
