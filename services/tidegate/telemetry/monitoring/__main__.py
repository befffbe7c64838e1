"""`python -m tidegate.telemetry.monitoring`: writes what is generated of `observability/`, in a checkout."""

from pathlib import Path

import click

from tidegate.telemetry.monitoring.files import generated


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("observability"),
    show_default=True,
    help="The folder to write to.",
)
def main(*, out: Path) -> None:
    """Writes rules and dashboards."""
    for name, text in generated().items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        click.echo(path)


if __name__ == "__main__":
    main()
