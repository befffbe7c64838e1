"""`tidegate serve-config`: the configuration for `serve deploy` and for a RayService's `serveConfigV2`."""

import click
import yaml

from tidegate.serving.serve_config import serve_config as configuration
from tidegate.serving.settings import Settings


@click.command("serve-config")
@click.pass_obj
def serve_config(settings: Settings) -> None:
    """Prints the configuration for `serve deploy` and for a RayService's `serveConfigV2`."""
    click.echo(yaml.safe_dump(configuration(settings), sort_keys=False).rstrip())
