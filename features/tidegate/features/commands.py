"""Commands that fill a feature repository, for `python -m tidegate.features` and `tidegate features`.

Feast takes seconds to import, so a command imports it when it runs: `tidegate --help` must not wait for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from tidegate.features.online import OnlineChoice, OnlineKind

state_option = click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="Directory of the repository."
)


def _online_options(command: Callable[..., None]) -> Callable[..., None]:
    kind = click.option(
        "--online",
        type=click.Choice([kind.value for kind in OnlineKind]),
        default=OnlineKind.SQLITE.value,
        show_default=True,
    )
    address = click.option("--redis", default="", metavar="HOST:PORT", help="Address, with --online redis.")
    return kind(address(command))


def _choice(online: str, redis: str) -> OnlineChoice:
    try:
        return OnlineChoice(OnlineKind(online), redis)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def _failures_explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a command's boundary: a person gets the reason, not a stack
        raise click.ClickException(f"{type(error).__name__}: {error}") from error


@click.command()
@state_option
@_online_options
def apply(state: Path, online: str, redis: str) -> None:
    """Writes feature_store.yaml and registers the definitions."""
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    choice = _choice(online, redis)
    with _failures_explained():
        pipeline.apply(state, choice, progress=click.echo)


@click.command()
@state_option
@_online_options
@click.option("--accounts", type=click.IntRange(0), default=2_000, show_default=True, help="Beside the named ones.")
@click.option("--seed", "random_seed", type=click.IntRange(0), default=7, show_default=True, help="Of the generator.")
def seed(state: Path, online: str, redis: str, accounts: int, random_seed: int) -> None:
    """Generates demo accounts, applies the definitions and materialises."""
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    choice = _choice(online, redis)
    now = datetime.now(tz=UTC)
    with _failures_explained():
        pipeline.seed(state, choice, count=accounts, random_seed=random_seed, now=now, progress=click.echo)


@click.command()
@state_option
def materialize(state: Path) -> None:
    """Writes the history in the state directory to the online store."""
    from tidegate.features import pipeline  # noqa: PLC0415 - imports Feast

    with _failures_explained():
        pipeline.materialize(state, until=datetime.now(tz=UTC), progress=click.echo)
