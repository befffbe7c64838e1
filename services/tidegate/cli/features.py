"""`tidegate features`: see an account's signals as the router gets them, and fill the repository behind them."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson
from opentelemetry.trace import NoOpTracer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.enrichment.port import SignalsRequest
from tidegate.features.commands import apply, materialize, seed, state_option
from tidegate.features.online import CONFIGURATION
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext

_UNTRACED = TraceContext(trace_id="0" * 31 + "1", span_id="0" * 15 + "1", sampled=False)
_COLOURS = {Freshness.FRESH: "green", Freshness.STALE: "yellow", Freshness.MISSING: "red"}


@click.group(commands={"apply": apply, "seed": seed, "materialize": materialize})
def features() -> None:
    """Account signals: look them up, apply their definitions, fill the online store."""


@features.command()
@click.argument("account")
@state_option
@click.option("--timeout-ms", type=click.IntRange(1), default=5_000, show_default=True, help="Longest wait.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def show(account: str, state: Path, timeout_ms: int, as_json: bool) -> None:
    """Shows ACCOUNT's signals with freshness and event time. Fails if the online store does not answer."""
    if not (state / CONFIGURATION).is_file():
        raise click.ClickException(f"{state} holds no {CONFIGURATION}: run `tidegate features apply` or `seed` first")
    signals = asyncio.run(_lookup(account, state, timeout_ms))
    if as_json:
        click.echo(orjson.dumps(_document(account, signals)).decode())
    else:
        _draw(account, signals)
    if signals.status is not LookupStatus.OK:
        raise click.exceptions.Exit(1)


async def _lookup(account: str, state: Path, timeout_ms: int) -> AccountSignals:
    # Feast takes seconds to import; `tidegate --help` must not wait for it.
    from tidegate.enrichment.feast_adapter import FeastAccountFeatures  # noqa: PLC0415
    from tidegate.enrichment.feast_reader import FeastReader  # noqa: PLC0415

    adapter = FeastAccountFeatures(FeastReader(state, redis_timeout_ms=timeout_ms), tracer=NoOpTracer())
    try:
        (signals,) = await adapter.lookup([SignalsRequest(account_id=account, budget_ms=timeout_ms, trace=_UNTRACED)])
    finally:
        await adapter.close()
    return signals


def _document(account: str, signals: AccountSignals) -> dict[str, Any]:
    return {
        "account_id": account,
        "status": signals.status,
        "known": signals.known,
        "features": [asdict(value) for value in signals.values],
    }


def _draw(account: str, signals: AccountSignals) -> None:
    console = Console()
    if signals.status is not LookupStatus.OK:
        Console(stderr=True).print(f"the online store did not answer: {signals.status}")
        return
    if not signals.known:
        console.print("the online store holds nothing on this account")
        return
    table = Table(title=escape(account))
    for column in ("feature", "value", "freshness", "event time (UTC)"):
        table.add_column(column, overflow="fold")
    for value in signals.values:
        table.add_row(*_row(value))
    console.print(table)


def _row(value: FeatureValue) -> tuple[str, str, str, str]:
    colour = _COLOURS[value.freshness]
    event_time = "" if value.event_time is None else f"{value.event_time:%Y-%m-%d %H:%M:%S}"
    shown = "" if value.value is None else str(value.value)
    return value.name, escape(shown), f"[{colour}]{value.freshness}[/{colour}]", event_time
