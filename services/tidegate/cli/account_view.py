"""How `tidegate account` shows things: to people as tables, to machines as one object."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tidegate.accounts.held import Held, Span, Store
    from tidegate.accounts.receipts import Receipt

_WORDS = {
    "events": "events",
    "events_of_others": "events of others naming it",
    "online": "rows in the online store",
    "offline": "rows in offline files",
    "decisions": "decision records",
}


def print_plain(document: Mapping[str, Any]) -> None:
    """One object on one line; times in RFC 3339."""
    click.echo(orjson.dumps(document, option=orjson.OPT_UTC_Z).decode())


def draw_held(held: "Mapping[Store, Span]", *, erased_at: datetime | None) -> None:
    """How much there is, store by store."""
    console = Console(highlight=False)
    if erased_at is not None:
        console.print(f"erased up to {_time(erased_at)}")
    if not any(span.count for span in held.values()):
        console.print("nothing is held on this account")
        return
    table = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 2, 0, 0))
    table.add_column("held", justify="right")
    for heading in ("", "first", "last"):
        table.add_column(heading)
    for store, span in held.items():
        table.add_row(f"{span.count:,}", _WORDS[store.value], _time(span.first), _time(span.last))
    console.print(table)


def draw_nothing(held: "Held", *, as_json: bool) -> None:
    """That there is nothing to erase."""
    if as_json:
        kept = {"decisions": {"count": held.kept.count}}
        print_plain({"erased": False, "erased_at": held.erased_at, "kept": kept})
        return
    if held.erased_at is None:
        click.echo("nothing is held on this account; nothing was erased")
        return
    stays = f", {held.kept.count:,} decision records are kept" if held.kept.count else ""
    click.echo(f"this account was erased up to {_time(held.erased_at)}; nothing came since{stays}")


def draw_receipt(receipt: "Receipt", path: Path) -> None:
    """What was done, what stays and why."""
    console = Console(highlight=False)
    console.print("[green]erased[/green]" + (f" (in {receipt.attempts} attempts)" if receipt.attempts > 1 else ""))
    for store, count in receipt.removed.items():
        console.print(f"{count:>9,}  {_WORDS[store.value]}")
    if receipt.kept.count:
        console.print(f"[yellow]kept[/yellow]\n{receipt.kept.count:>9,}  {_WORDS['decisions']}")
        console.print(receipt.ground, style="dim")
    click.echo(f"receipt {path}")


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
