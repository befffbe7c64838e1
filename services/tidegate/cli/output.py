"""How commands print: JSON for machines on standard output, everything else for people."""

import json
import os
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tidegate.cli.decision_drawing import plain
from tidegate.cli.item_file import Refusal


def print_json(document: dict[str, Any]) -> None:
    """One object on one line, flushed, so that a pipe sees it at once. In ASCII, so that no locale can break it."""
    click.echo(json.dumps(document))


def warn(told: str) -> None:
    """On standard error, of what is about to happen."""
    click.echo(f"warning: {told}", err=True)


def told_os_error(error: OSError) -> str:
    """Why a file could not be read or written: without its name and number, of which Arrow says the number twice."""
    return os.strerror(error.errno) if error.errno else str(error)


def print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Why an item got no decision: on standard output for machines, on standard error for people."""
    if as_json:
        print_json(refusal.as_json())
        return
    console = Console(stderr=True, highlight=False)
    where = [plain(refusal.content_id)] if refusal.content_id else []
    where += [] if refusal.line is None else [f"line {refusal.line}"]
    console.print(Text.assemble((refusal.code, "bold red"), "  ", ", ".join(where)))
    told = [f"{field}: {description}" for field, description in refusal.fields] or [refusal.message]
    for problem in told:
        console.print(Padding(Text(plain(problem)), (0, 0, 0, 2), expand=False))
