"""Commands that fill a feature repository, for `python -m tidegate.features` and `tidegate features`.

Feast and Arrow take seconds to import, so a command imports them when it runs: `--help` must not wait for them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, cast

import click
import orjson

from tidegate.features.catalogue_view import catalogue_command
from tidegate.features.feast_import import import_feast
from tidegate.features.online import EVENTS, OnlineChoice, OnlineKind
from tidegate.features.settled_option import SettledOption

if TYPE_CHECKING:
    from tidegate.features.batch.compute import Step
    from tidegate.features.risk import RiskChoice

RISK = "tidegate.features.risk"
"""Key in click's `meta` for a `Callable[[], RiskChoice]`, set by whoever has a risk model; none is imported here."""
_SAID_EVERY_S = 2.0

state_option = click.option(
    "--state",
    cls=SettledOption,
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory of the repository.",
)
_signals_option = click.option(
    "--signals",
    cls=SettledOption,
    otherwise=f"STATE/{EVENTS}",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The event log.",
)
_json_option = click.option(
    "--json", "as_json", is_flag=True, help="The result for machines; progress stays on stderr."
)


def _online_options(command: Callable[..., None]) -> Callable[..., None]:
    kind = click.option(
        "--online",
        type=click.Choice([kind.value for kind in OnlineKind]),
        default=OnlineKind.SQLITE.value,
        show_default=True,
    )
    address = click.option(
        "--redis",
        default="",
        metavar="HOST:PORT[,OPTION=VALUE…]",
        help="Address, with --online redis, and what else Feast's connection_string takes: ssl=true.",
    )
    authorities = click.option(
        "--redis-ca-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Authorities to trust with ssl=true, PEM; the system's where there is no such file.",
    )
    return kind(address(authorities(command)))


def _choice(online: str, redis: str, redis_ca_file: Path | None) -> OnlineChoice:
    try:
        return OnlineChoice(OnlineKind(online), redis, redis_ca_file)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _risk() -> "RiskChoice":
    from tidegate.features.risk import NO_RISK  # noqa: PLC0415 - imports Arrow

    find = click.get_current_context().meta.get(RISK)
    return NO_RISK if find is None else cast("Callable[[], RiskChoice]", find)()


@contextmanager
def _failures_explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a command's boundary: a person gets the reason, not a stack
        raise click.ClickException(_untrusted(error) or f"{type(error).__name__}: {error}") from error


def _untrusted(error: BaseException) -> str | None:
    """What is wrong with the online store's certificate, and what to do, if that is why; None otherwise."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    return (
        f"the online store's certificate is refused: {cause.verify_message}. Give the certificates of who signed it,"
        " in PEM, by `tidegate features apply --redis-ca-file FILE`, and the name that is in it by --redis"
    )


def _on_stderr(line: str) -> None:
    click.echo(line, err=True)


class _Steps:
    """Says on standard error how far a run is: each step as it begins and ends, and every two seconds between.

    Nobody knows beforehand how many events the log holds: how many there were is said when the next step begins.
    """

    def __init__(self) -> None:
        self._started = self._said_at = time.monotonic()
        self._held_back: Step | None = None
        self._name = ""

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started

    def __call__(self, step: "Step") -> None:
        if step.name != self._name:
            self._say_held_back()
        elif step.done != step.total and time.monotonic() - self._said_at < _SAID_EVERY_S:
            self._held_back = step
            return
        self._say(step)

    def _say_held_back(self) -> None:
        if self._held_back is not None:
            self._say(self._held_back)

    def _say(self, step: "Step") -> None:
        self._name, self._said_at, self._held_back = step.name, time.monotonic(), None
        of_all = f" of {step.total:,}" if step.total else ""
        click.echo(f"{step.name}: {step.done:,}{of_all} {step.unit} ({self.seconds:.1f} s)", err=True)


@click.command()
@state_option
@_online_options
def apply(state: Path, online: str, redis: str, redis_ca_file: Path | None) -> None:
    """Writes feature_store.yaml and registers the definitions."""
    import_feast()
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    choice = _choice(online, redis, redis_ca_file)
    with _failures_explained():
        pipeline.apply(state, choice, progress=click.echo)


@click.command()
@state_option
@_online_options
@_signals_option
@click.option("--accounts", type=click.IntRange(0), default=2_000, show_default=True, help="Beside the named ones.")
@click.option("--seed", "random_seed", type=click.IntRange(0), default=7, show_default=True, help="Of the generator.")
def seed(  # noqa: PLR0917 - click passes options by name
    state: Path,
    online: str,
    redis: str,
    redis_ca_file: Path | None,
    signals: Path | None,
    accounts: int,
    random_seed: int,
) -> None:
    """Puts demo accounts' events into the log, computes their signals and puts them online."""
    import_feast()
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    choice, now = _choice(online, redis, redis_ca_file), datetime.now(tz=UTC)
    with _failures_explained():
        pipeline.seed(
            state,
            choice,
            count=accounts,
            random_seed=random_seed,
            now=now,
            progress=click.echo,
            signals=signals,
            risk=_risk(),
        )


def _instant(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[datetime, ...]:
    instants = []
    for value in values:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is no time such as 2026-11-22T12:00:00Z") from error
        if instant.tzinfo is None:
            raise click.BadParameter(f"{value!r} names no time zone: write 2026-11-22T12:00:00Z")
        instants.append(instant)
    return tuple(instants)


@click.command()
@state_option
@_signals_option
@click.option(
    "--events",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Parquet file of events, or folder of such; repeatable. Without it, the event log.",
)
@click.option(
    "--at", multiple=True, callback=_instant, help="Instant to compute for, with time zone; repeatable. [default: now]"
)
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@_json_option
def compute(  # noqa: PLR0917 - click passes options by name
    state: Path,
    signals: Path | None,
    sources: tuple[Path, ...],
    at: tuple[datetime, ...],
    processes: int,
    as_json: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Computes every account's signals from events and publishes the rows.

    Killed, it goes on where it was when called again. Readers see the rows of the run before until all are there.
    """
    import_feast()
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    steps = _Steps()
    with _failures_explained():
        published = pipeline.compute(
            state,
            now=datetime.now(tz=UTC),
            progress=steps,
            sources=sources,
            at=at,
            signals=signals,
            risk=_risk(),
            processes=processes,
        )
    if as_json:
        facts = {"run": published.name, "at_us": published.at_us, "events": published.events}
        facts |= {"partitions": published.partitions, "rows": published.row_counts, "seconds": round(steps.seconds, 3)}
        click.echo(orjson.dumps(facts).decode())
        return
    click.echo(f"published run {published.name}: {published.events:,} events ({steps.seconds:.1f} s)")
    for view, rows in published.row_counts.items():
        click.echo(f"  {view}: {rows:,} rows")


@click.command()
@state_option
@_signals_option
@_json_option
def materialize(state: Path, signals: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Writes the published rows to the online store. Killed, it goes on after the last whole partition."""
    import_feast()
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    with _failures_explained():
        done = pipeline.materialize(
            state,
            until=datetime.now(tz=UTC),
            progress=_on_stderr if as_json else click.echo,
            signals=signals,
        )
    if as_json:
        click.echo(orjson.dumps({"rows": done.rows, "erased": done.erased}).decode())


COMMANDS: dict[str, click.Command] = {
    "list": catalogue_command,
    "apply": apply,
    "seed": seed,
    "compute": compute,
    "materialize": materialize,
}
"""By name."""
