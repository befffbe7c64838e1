"""A group that imports its commands when they are called: Ray, Feast and Arrow take seconds, `--help` must not."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

Later = tuple[str, str, str]
"""Module, attribute and one line of help of a command that is not imported yet."""


class LazyGroup(click.Group):
    """Knows some commands by where they are. Those that are imported already come first in the help."""

    def __init__(self, *args: Any, later: Mapping[str, Later], **kwargs: Any) -> None:  # click's own arguments
        """As `click.Group`.

        Args:
            args: Of `click.Group`.
            later: By name, in the order of the help: commands to import when they are called.
            kwargs: Of `click.Group`.
        """
        super().__init__(*args, **kwargs)
        self._later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one meets them."""
        del ctx
        return [*self.commands, *self._later]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if it is a later one."""
        if cmd_name not in self._later:
            return super().get_command(ctx, cmd_name)
        module, attribute, _ = self._later[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        del ctx
        known = [(name, command.get_short_help_str(limit=200)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*known, *((name, line) for name, (_, _, line) in self._later.items())])
