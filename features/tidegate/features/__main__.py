"""`python -m tidegate.features list | apply | seed | compute | materialize`: fills a feature repository."""

import click

from tidegate.features.commands import COMMANDS


@click.group(commands=COMMANDS)
def main() -> None:
    """Fills the feature repository in a state directory."""


if __name__ == "__main__":
    main()
