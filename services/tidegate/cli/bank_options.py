"""What all commands on banks share: options, and calls whose refusals are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tidegate.cli.bank_calls import BankCalls, bank_calls
from tidegate.cli.item_file import Refusal
from tidegate.cli.output import print_refusal
from tidegate.cli.server_options import Server
from tidegate.client import ModerationError
from tidegate.detectors.banks.bank import MAX_THRESHOLD_BITS
from tidegate.serving.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
distance_type = click.IntRange(0, MAX_THRESHOLD_BITS)
readable_type = click.Path(path_type=Path, exists=True, dir_okay=False)


@contextmanager
def told_calls(settings: Settings, server: Server, *, as_json: bool) -> Iterator[BankCalls]:
    """The calls; a refusal is printed and ends the command with 1."""
    try:
        with bank_calls(settings, server) as calls:
            yield calls
    except ModerationError as error:
        print_refusal(Refusal.of("", error), as_json=as_json)
        raise click.exceptions.Exit(1) from error
