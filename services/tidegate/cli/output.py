"""How commands print: JSON for machines on standard output, everything else for people."""

import json
from typing import Any

import click
from rich.console import Console

from tidegate.cli.item_file import Refusal


def print_json(document: dict[str, Any]) -> None:
    """One object on one line, flushed, so that a pipe sees it at once."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Why an item got no decision: on standard output for machines, on standard error for people."""
    if as_json:
        print_json(refusal.as_json())
        return
    console = Console(stderr=True)
    console.print(f"[red]{refusal.code}[/red] {refusal.content_id or ''}".rstrip())
    if not refusal.fields:
        console.print(f"  {refusal.message}", markup=False)
    for field, description in refusal.fields:
        console.print(f"  {field}: {description}", markup=False)
