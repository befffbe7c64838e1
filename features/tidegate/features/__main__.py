"""`python -m tidegate.features apply | seed | materialize --state DIR`: fills a feature repository."""

import click

from tidegate.features.commands import apply, materialize, seed


@click.group(commands={"apply": apply, "seed": seed, "materialize": materialize})
def main() -> None:
    """Fills the feature repository in a state directory."""


if __name__ == "__main__":
    main()
