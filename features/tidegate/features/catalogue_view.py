"""`tidegate features list`: the catalogue of features, for people at 80 columns and for machines."""

import textwrap
from collections.abc import Iterator
from typing import Any

import click
import orjson

from tidegate.features.feature import Feature, Service, View
from tidegate.features.refs import ACCOUNT_SIGNALS_V2

WIDTH = 80
"""Columns of a terminal."""
_NAME, _KIND, _WINDOW = 28, 7, 10


def documents(service: Service) -> list[dict[str, Any]]:
    """Every feature as plain data."""
    return [
        {
            "name": ref.full_name,
            "view": ref.view.name,
            "feature": ref.feature.name,
            "type": ref.feature.kind,
            "unit": ref.feature.unit,
            "window": ref.feature.window,
            "missing": ref.feature.missing,
            "ttl_seconds": int(ref.view.ttl.total_seconds()),
        }
        for ref in service.refs()
    ]


def lines(service: Service) -> Iterator[str]:
    """The catalogue, view by view."""
    yield f"{service.name}: {len(service.refs())} features."
    yield "In policies: account.enforcement.strikes_90d and so on."
    yield from _wrapped(
        "After the time said a value is STALE, sooner if its row promises less, as where an event leaves a window: "
        "`tidegate features show ACCOUNT` says until when. A stream at work writes rows anew before.",
        indent=0,
    )
    for view in service.views:
        yield ""
        yield from _view_lines(view)


def usual_gap(view: View) -> str:
    """What it means that there is no value, for most features of the view: said once, and not with each of them."""
    return view.features[0].missing


def _view_lines(view: View) -> Iterator[str]:
    usual = usual_gap(view)
    hours = view.ttl.total_seconds() / 3600
    yield f"{view.name}: {len(view.features)} features, fresh for {hours:g} h at most"
    yield from _wrapped(view.description, indent=2)
    yield from _wrapped(f"missing, unless said otherwise: {usual}", indent=2)
    for feature in view.features:
        yield from _feature_lines(feature, usual=usual)


def _feature_lines(feature: Feature, *, usual: str) -> Iterator[str]:
    window = "" if feature.window.startswith("as of") else feature.window
    head = f"  {feature.name:<{_NAME}}{feature.kind:<{_KIND}}{window:<{_WINDOW}}"
    yield from _beside(head, feature.unit)
    if feature.missing != usual:
        yield from _beside(" " * len(head), f"missing: {feature.missing}")


def _beside(head: str, text: str) -> Iterator[str]:
    first, *rest = textwrap.wrap(text, WIDTH - len(head))
    yield head + first
    for line in rest:
        yield " " * len(head) + line


def _wrapped(text: str, *, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def catalogue_command(as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Lists every feature: name, type, window, unit, and what it means if there is no value."""
    if as_json:
        click.echo(orjson.dumps(documents(ACCOUNT_SIGNALS_V2)).decode())
        return
    for line in lines(ACCOUNT_SIGNALS_V2):
        click.echo(line)
