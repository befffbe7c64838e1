"""`tidegate moderate`: one item from options, or every item of a file."""

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from tidegate.cli.bulk import BULK_RETRY, moderate_lines
from tidegate.cli.bulk_report import BulkReport
from tidegate.cli.connection import connected
from tidegate.cli.decision_view import decision_as_json, draw_decision
from tidegate.cli.item_file import Refusal
from tidegate.cli.line_reader import lines_of
from tidegate.cli.output import print_json, print_refusal
from tidegate.cli.server_options import Server, server_options
from tidegate.client import (
    ContentItem,
    ModerationError,
    NoticeSource,
    Part,
    Surface,
    TidegateClient,
    TranscriptSegment,
    audio_part,
    image_part,
    text_part,
    transcript_part,
)
from tidegate.serving.settings import Settings

_READABLE = click.Path(path_type=Path, exists=True, dir_okay=False)
_ITEM_OPTIONS = (
    "text",
    "images",
    "clips",
    "transcript",
    "account",
    "surface",
    "market",
    "language",
    "source",
    "content_id",
    "idempotency_key",
)
"""What describes one item; the items of a file bring it along."""


@click.command()
@click.option("--text", help="The item's text.")
@click.option("--image", "images", type=_READABLE, multiple=True, help="An image of the item. May be repeated.")
@click.option("--audio", "clips", type=_READABLE, multiple=True, help="An audio clip of the item. May be repeated.")
@click.option("--transcript", help="What is said in the item's audio.")
@click.option("--file", "file", type=_READABLE, help="An item file (JSON Lines), in place of all options on one item.")
@click.option("--account", help="The account that published it. Its history counts, so there is no default.")
@click.option(
    "--surface", type=click.Choice([each.value for each in Surface]), default=Surface.COMMENT.value, show_default=True
)
@click.option("--market", default="SE", show_default=True, help="ISO 3166-1 alpha-2.")
@click.option("--language", default="", help="BCP 47, if known.")
@click.option(
    "--source",
    type=click.Choice([each.value for each in NoticeSource]),
    default=NoticeSource.OWN_INITIATIVE.value,
    show_default=True,
)
@click.option("--content-id", help="Your id of the content; a random one by default.")
@click.option("--idempotency-key", help="The same key with the same item gives the same decision.")
@click.option("--budget-ms", type=click.FloatRange(min=0, min_open=True), help="How long a decision may take.")
@click.option("--explain", is_flag=True, help="Shows how each rule came out.")
@click.option(
    "--trace/--no-trace",
    default=None,
    help="Whether hops record spans. By default one item is traced and the items of a file are not.",
)
@server_options
@click.option("--json", "as_json", is_flag=True, help="For machines: one object, or with --file one line per item.")
@click.pass_context
def moderate(
    context: click.Context,
    text: str | None,
    images: tuple[Path, ...],
    clips: tuple[Path, ...],
    transcript: str | None,
    file: Path | None,
    account: str | None,
    surface: str,
    market: str,
    language: str,
    source: str,
    content_id: str | None,
    idempotency_key: str | None,
    budget_ms: float | None,
    explain: bool,
    trace: bool | None,
    server: Server,
    as_json: bool,
) -> None:
    """Decides on one item, or with --file on every item of a file.

    The exit status is the number of items that got no decision, 250 at most. An action, BLOCK included, is a decision.
    """
    settings: Settings = context.obj
    if file is not None:
        _refuse_item_options(context)
        with connected(settings, server, traced=bool(trace), retry=BULK_RETRY) as client:
            sys.exit(_moderate_file(client, file, budget_ms=budget_ms, explain=explain, as_json=as_json))
    parts = _parts(text, images, clips, transcript)
    if not parts:
        raise click.UsageError("Give --file, or at least one of --text, --image, --audio and --transcript.")
    if account is None:
        raise click.UsageError("Give --account: the account that published the item.")
    item = ContentItem(
        content_id=content_id or uuid.uuid4().hex,
        account_id=account,
        surface=Surface(surface),
        market=market,
        language=language,
        source=NoticeSource(source),
        parts=parts,
    )
    with connected(settings, server, traced=trace is not False) as client:
        try:
            decision = client.moderate(item, idempotency_key=idempotency_key, budget_ms=budget_ms, explain=explain)
        except ModerationError as error:
            print_refusal(Refusal.of(item.content_id, error), as_json=as_json)
            raise click.exceptions.Exit(1) from error
    if as_json:
        print_json(decision_as_json(decision))
    else:
        draw_decision(decision)


def _refuse_item_options(context: click.Context) -> None:
    """An option that would have no effect is a mistake of whoever gave it."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in _ITEM_OPTIONS
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"With --file, each line describes its item; leave out {', '.join(given)}.")


def _moderate_file(client: TidegateClient, file: Path, *, budget_ms: float | None, explain: bool, as_json: bool) -> int:
    report = BulkReport(as_json=as_json, total=_count(file))
    with file.open("rb", buffering=0) as stream:
        return moderate_lines(client, lines_of(stream), report, base=file.parent, budget_ms=budget_ms, explain=explain)


def _count(file: Path) -> int | None:
    """Items in the file, for the bar; None if reading it twice is not possible."""
    if not file.is_file():
        return None
    with file.open("rb", buffering=0) as stream:
        return sum(not line.blank for line in lines_of(stream))


def _parts(text: str | None, images: Sequence[Path], clips: Sequence[Path], transcript: str | None) -> tuple[Part, ...]:
    parts: list[Part] = []
    if text is not None:
        parts.append(text_part("text", text))
    parts += [image_part(_numbered("image", at), path.read_bytes()) for at, path in enumerate(images, start=1)]
    parts += [audio_part(_numbered("audio", at), path.read_bytes()) for at, path in enumerate(clips, start=1)]
    if transcript is not None:
        parts.append(transcript_part("transcript", (TranscriptSegment(0, 0, transcript),)))
    return tuple(parts)


def _numbered(name: str, at: int) -> str:
    """The part's id: the first is called as it would be if it were the only one."""
    return name if at == 1 else f"{name}-{at}"
