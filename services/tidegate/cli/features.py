"""`tidegate features`: see an account's signals as the router gets them, and fill the repository behind them."""

import asyncio
from functools import partial
from pathlib import Path

import click
import orjson
from opentelemetry.trace import NoOpTracer

from tidegate.cli.features_drift import drift
from tidegate.cli.features_quality import quality
from tidegate.cli.features_reference import reference
from tidegate.cli.features_skew import skew
from tidegate.cli.features_training_set import training_set
from tidegate.cli.features_view import Shown, document, draw
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.commands import COMMANDS, RISK, state_option
from tidegate.features.online import CONFIGURATION
from tidegate.features.risk import NO_RISK, RiskChoice
from tidegate.moderation.signals import LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.serving.settings import Settings

_UNTRACED = TraceContext(trace_id="0" * 31 + "1", span_id="0" * 15 + "1", sampled=False)


LOOKING_BACK: dict[str, click.Command] = {
    "training-set": training_set,
    "skew": skew,
    "quality": quality,
    "reference": reference,
    "drift": drift,
}
"""By name: commands that read ledger and event log, whether the stack runs or not."""


@click.group(commands={**COMMANDS, **LOOKING_BACK})
@click.pass_context
def features(ctx: click.Context) -> None:
    """Account signals: what there is, what one account has, and how the online store is filled."""
    ctx.meta[RISK] = partial(_risk_choice, ctx.obj)


def _risk_choice(settings: Settings | None) -> RiskChoice:
    """The live risk model of the settings, as the stream has it."""
    if settings is None:
        return NO_RISK
    from tidegate.serving.composition import RISK_MODEL, selection  # noqa: PLC0415 - imports the whole of serving
    from tidegate.serving.signals.risk_adapter import risk_choice  # noqa: PLC0415

    return risk_choice(selection(settings).live.get(RISK_MODEL))


@features.command()
@click.argument("account")
@state_option
@click.option("--timeout-ms", type=click.IntRange(1), default=5_000, show_default=True, help="Longest wait.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def show(account: str, state: Path, timeout_ms: int, as_json: bool) -> None:
    """Shows ACCOUNT's signals by view, with freshness. Fails if the online store does not answer."""
    if not (state / CONFIGURATION).is_file():
        raise click.ClickException(f"{state} holds no {CONFIGURATION}: run `tidegate features apply` or `seed` first")
    shown = asyncio.run(_lookup(account, state, timeout_ms))
    if as_json:
        click.echo(orjson.dumps(document(shown)).decode())
    else:
        draw(shown)
    if shown.signals.status is not LookupStatus.OK:
        raise click.exceptions.Exit(1)


async def _lookup(account: str, state: Path, timeout_ms: int) -> Shown:
    # Feast takes seconds to import; `tidegate --help` must not wait for it.
    from tidegate.enrichment.feast_adapter import FeastAccountFeatures  # noqa: PLC0415
    from tidegate.enrichment.feast_reader import FeastReader  # noqa: PLC0415

    reader = FeastReader(state, redis_timeout_ms=timeout_ms)
    adapter = FeastAccountFeatures(reader, tracer=NoOpTracer())
    try:
        (signals,) = await adapter.lookup([SignalsRequest(account_id=account, budget_ms=timeout_ms, trace=_UNTRACED)])
        if signals.status is not LookupStatus.OK:
            return Shown(account, signals, {})
        # Signals don't carry the promise of their row; it is read beside them.
        (rows,) = await asyncio.to_thread(reader.read, [account])
    finally:
        await adapter.close()
    return Shown(account, signals, {row.view.name: row.valid_until for row in rows})
