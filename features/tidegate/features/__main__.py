"""`python -m tidegate.features apply | seed | materialize --state DIR`: fills a feature repository."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from tidegate.features.pipeline import apply, materialize, seed
from tidegate.features.repository import OnlineChoice, OnlineKind, RepositoryMissingError

_state = click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="State directory."
)


def _online(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that choose the online store."""
    kind = click.option("--online", type=click.Choice([*OnlineKind]), default=OnlineKind.SQLITE, show_default=True)
    address = click.option("--redis", default="", metavar="HOST:PORT", help="Address for --online redis.")
    return kind(address(command))


def _choice(online: str, redis: str) -> OnlineChoice:
    try:
        return OnlineChoice(OnlineKind(online), redis)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.group()
def main() -> None:
    """Fills the feature repository in a state directory."""


@main.command("apply")
@_state
@_online
def apply_command(state: Path, online: str, redis: str) -> None:
    """Writes feature_store.yaml and registers the definitions."""
    apply(state, _choice(online, redis), progress=click.echo)


@main.command("seed")
@_state
@_online
@click.option("--accounts", default=2_000, show_default=True, help="Accounts beside the named ones.")
@click.option("--seed", "random_seed", default=7, show_default=True, help="Of the random generator.")
def seed_command(state: Path, online: str, redis: str, accounts: int, random_seed: int) -> None:
    """Generates demo accounts, applies the definitions and materialises."""
    seed(
        state,
        _choice(online, redis),
        count=accounts,
        random_seed=random_seed,
        now=datetime.now(tz=UTC),
        progress=click.echo,
    )


@main.command("materialize")
@_state
def materialize_command(state: Path) -> None:
    """Writes the history in the state directory to the online store."""
    try:
        materialize(state, until=datetime.now(tz=UTC), progress=click.echo)
    except RepositoryMissingError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
