"""An option of a command that may get its value from settings: its help shows the value, not that one must be given."""

from typing import Any

import click
from click.types import OptionHelpExtra


class SettledOption(click.Option):
    """Required where no settings are (`python -m tidegate.features`), with a default where there are (`tidegate`)."""

    def __init__(self, *args: Any, otherwise: str | None = None, **kwargs: Any) -> None:  # click's own arguments
        """As `click.Option`.

        Args:
            args: Of `click.Option`.
            otherwise: What help calls the default where no settings give one; None if there is none.
            kwargs: Of `click.Option`.
        """
        super().__init__(*args, **{"show_default": True, **kwargs})
        self._otherwise = otherwise

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """Without "required" where a default stands in."""
        extra = super().get_help_extra(ctx)
        if "default" not in extra and self._otherwise is not None:
            extra["default"] = self._otherwise
        if "default" in extra:
            extra.pop("required", None)
        return extra
