"""`tidegate models`: which detectors there are, what their cards say, how good they are, and whether scores drift."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markdown import Markdown

from tidegate.cli.models_drift import drift
from tidegate.cli.models_evaluate import evaluate
from tidegate.cli.models_view import State, described, draw_list
from tidegate.cli.output import print_json
from tidegate.models.catalogue import CatalogueError, DetectorSpec, all_versions, catalogue
from tidegate.models.selection import Selection, select
from tidegate.serving.settings import Settings

_ROOT = Path(__file__).resolve().parents[3]
"""Of the checkout, where cards are."""


@click.group()
def models() -> None:
    """Detectors: what there is, how good it is, and whether its scores drift."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def list_command(settings: Settings | None, as_json: bool) -> None:
    """Lists every version of every detector, and which of them decide under the settings in force."""
    try:
        versions, chosen = all_versions(), _selection(settings)
    except CatalogueError as error:
        raise click.ClickException(f"the catalogue can't be read: {error}") from error
    rows = [described(spec, _state(spec, chosen)) for spec in versions]
    if as_json:
        print_json({"detectors": rows})
    else:
        draw_list(rows)


@models.command()
@click.argument("name")
@click.option("--version", help="Which version; by default the one that decides.")
@click.option("--json", "as_json", is_flag=True, help="The card's text, for machines.")
@click.pass_obj
def card(settings: Settings | None, name: str, version: str | None, as_json: bool) -> None:
    """Shows the model card of the detector NAME: data, intended use, measured quality, limits."""
    spec = chosen_spec(settings, name, version)
    path = _ROOT / spec.card
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"there is no card at {spec.card}; cards come with the source, not the wheel"
        ) from error
    if as_json:
        print_json({"name": spec.name, "version": spec.version, "card": spec.card, "markdown": text})
    else:
        Console().print(Markdown(text))


models.add_command(evaluate)
models.add_command(drift)


def chosen_spec(settings: Settings | None, name: str, version: str | None) -> DetectorSpec:
    """Returns the named version, or the one that decides. Raises ClickException, naming what there is."""
    versions = [one for one in all_versions() if one.name == name]
    if version is None:
        live = _selection(settings).live.get(name)
        versions = [live] if live else versions[-1:]
    else:
        versions = [one for one in versions if one.version == version]
    if not versions:
        known = ", ".join(f"{one.name} {one.version}" for one in all_versions())
        raise click.ClickException(f"there is no detector {name}{f' {version}' if version else ''}; known: {known}")
    return versions[0]


def _selection(settings: Settings | None) -> Selection:
    if settings is None:
        return Selection(catalogue(), ())
    try:
        return select(live=settings.detectors.live, shadow=settings.detectors.shadow)
    except CatalogueError as error:
        raise click.ClickException(f"detectors: {error}") from error


def _state(spec: DetectorSpec, chosen: Selection) -> State:
    live = chosen.live.get(spec.name)
    if live is not None and live.version == spec.version:
        return State.LIVE
    shadowed: Any = {(one.name, one.version) for one in chosen.shadow}
    return State.SHADOW if (spec.name, spec.version) in shadowed else State.AVAILABLE
