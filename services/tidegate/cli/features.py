"""`tidegate features`: see an account's signals as the router gets them, and fill the repository behind them."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from tidegate.cli.features_view import Shown, document, draw
from tidegate.cli.lazy_group import Later, LazyGroup
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.commands import COMMANDS, RISK, state_option
from tidegate.features.feast_import import import_feast
from tidegate.features.online import CONFIGURATION, told
from tidegate.moderation.signals import LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.serving.settings import Settings
from tidegate.telemetry.recorder import Recorder

if TYPE_CHECKING:
    from tidegate.features.risk import RiskChoice

_UNTRACED = TraceContext(trace_id="0" * 31 + "1", span_id="0" * 15 + "1", sampled=False)

_PATIENT_MS = 20_000
"""The wait that is advised at least."""

LOOKING_BACK: dict[str, Later] = {
    "training-set": (
        "tidegate.cli.features_training_set",
        "training_set",
        "Joins decisions with labels and with signals as of the decision.",
    ),
    "skew": (
        "tidegate.cli.features_skew",
        "skew",
        "Compares the signals that decisions got with what the event log gives.",
    ),
    "quality": (
        "tidegate.cli.features_quality",
        "quality",
        "Holds events, published rows and served signals against what is expected.",
    ),
    "reference": (
        "tidegate.cli.features_reference",
        "reference",
        "Keeps a training set's distribution, for drift and for routers.",
    ),
    "drift": (
        "tidegate.cli.features_drift",
        "drift",
        "Compares served signals with a training set, or with an earlier period.",
    ),
}
"""By name: commands that read ledger and event log, whether the stack runs or not. They import Arrow."""


@click.group(cls=LazyGroup, commands=COMMANDS, later=LOOKING_BACK)
@click.pass_context
def features(ctx: click.Context) -> None:
    """Account signals: what there is, what one account has, and how the online store is filled."""
    ctx.meta[RISK] = partial(_risk_choice, ctx.obj)


def _risk_choice(settings: Settings | None) -> "RiskChoice":
    """The live risk model of the settings, as the stream has it."""
    from tidegate.features.risk import NO_RISK  # noqa: PLC0415 - imports Arrow

    if settings is None:
        return NO_RISK
    from tidegate.serving.composition import RISK_MODEL, selection  # noqa: PLC0415 - imports the whole of serving
    from tidegate.serving.signals.risk_adapter import risk_choice  # noqa: PLC0415

    return risk_choice(selection(settings).live.get(RISK_MODEL))


@features.command()
@click.argument("account")
@state_option
@click.option(
    "--timeout-ms",
    type=click.IntRange(1),
    default=5_000,
    show_default=True,
    help="Longest wait for the store.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def show(account: str, state: Path, timeout_ms: int, as_json: bool) -> None:
    """Shows ACCOUNT's signals by view, with freshness.

    Fails if the online store does not answer, or holds nothing on ACCOUNT.
    """
    if not (state / CONFIGURATION).is_file():
        raise click.ClickException(f"{state} holds no {CONFIGURATION}: run `tidegate features apply` or `seed` first")
    shown = asyncio.run(_lookup(account, state, timeout_ms))
    if as_json:
        click.echo(orjson.dumps(document(shown)).decode())
    if shown.signals.status is not LookupStatus.OK:
        raise click.ClickException(_no_answer(shown.signals.status, state, timeout_ms))
    if not shown.signals.known:
        raise click.ClickException(
            f"no feature of the account {account!r} is known: {told(state)} holds no row of it. Check the id; "
            f"`tidegate account export` shows which stores hold something on an account, and events bring its first row"
        )
    if not as_json:
        draw(shown)


def _no_answer(status: LookupStatus, state: Path, timeout_ms: int) -> str:
    """What is wrong with the store, and what to do about it."""
    if status is LookupStatus.TIMED_OUT:
        return (
            f"{told(state)} did not answer within {timeout_ms:,} ms (TIMED_OUT): it or this machine is busy, or it "
            f"hangs. Try again, or wait longer with --timeout-ms {max(_PATIENT_MS, 4 * timeout_ms)}"
        )
    return (
        f"{told(state)} can't be read ({status}). `tidegate status` shows whether a stack runs here, and "
        "`tidegate features apply` makes what this release reads; then fill it by events or `features materialize`"
    )


async def _lookup(account: str, state: Path, timeout_ms: int) -> Shown:
    # Feast takes seconds to import; `tidegate --help` must not wait for it.
    import_feast()
    from tidegate.enrichment.feast_adapter import FeastAccountFeatures  # noqa: PLC0415
    from tidegate.enrichment.feast_reader import FeastReader  # noqa: PLC0415
    from tidegate.features.repository import close_repository, open_repository  # noqa: PLC0415

    # The first opening imports for a second and more, on a busy machine for five: not the store's time, so not of its
    # budget. Connects to nothing. What is wrong with the repository, the lookup says.
    with contextlib.suppress(Exception):
        close_repository(open_repository(state))
    logging.getLogger(FeastAccountFeatures.__module__).addHandler(logging.NullHandler())  # an outage is told below
    reader = FeastReader(state, redis_timeout_ms=timeout_ms)
    adapter = FeastAccountFeatures(reader, tracer=Recorder())
    try:
        (signals,) = await adapter.lookup([SignalsRequest(account_id=account, budget_ms=timeout_ms, trace=_UNTRACED)])
        if signals.status is not LookupStatus.OK:
            return Shown(account, signals)
        # Signals don't carry the promise of their row; it is read beside them.
        (rows,) = await asyncio.to_thread(reader.read, [account])
    finally:
        await adapter.close()
    return Shown(account, signals, rows, datetime.now(UTC))
