"""What a command that takes seconds is doing: its present step on a terminal, a line for each step elsewhere.

On standard error, so that what is printed for machines stays clean.
"""

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.text import Text


class Steps:
    """Tells of steps until its block ends. Call it with each step."""

    def __init__(self, first: str) -> None:
        """Tells nothing before its block begins.

        Args:
            first: What is done first.
        """
        self._first = first
        self._status = Console(stderr=True).status(Text(first)) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        else:
            self(self._first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, step: str) -> None:
        """Tells of the next step."""
        if self._status is not None:
            self._status.update(Text(step))
        else:
            click.echo(step, err=True)

    def glimpse(self, detail: str) -> None:
        """Shows on a terminal what is too small for a line."""
        if self._status is not None:
            self._status.update(Text(detail))
