"""`tidegate moderate`: one item from options, or every item of a file."""

import sys
import uuid
from pathlib import Path

import click

from tidegate.cli.bulk import moderate_lines
from tidegate.cli.connection import connected
from tidegate.cli.decision_view import decision_as_json, draw_decision
from tidegate.cli.item_file import Refusal
from tidegate.cli.output import print_json, print_refusal
from tidegate.client import (
    ContentItem,
    ModerationError,
    NoticeSource,
    Part,
    Surface,
    TranscriptSegment,
    audio_part,
    image_part,
    text_part,
    transcript_part,
)
from tidegate.serving.settings import Settings

_READABLE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--text", help="The item's text.")
@click.option("--image", type=_READABLE, help="An image of the item.")
@click.option("--audio", type=_READABLE, help="An audio clip of the item.")
@click.option("--transcript", help="What is said in the item's audio.")
@click.option("--file", "file", type=_READABLE, help="An item file (JSON Lines); see the README for its format.")
@click.option("--account", default="anonymous", show_default=True, help="The account that published it.")
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
@click.option("--budget-ms", type=click.FloatRange(min=0, min_open=True), help="How long the decision may take.")
@click.option("--explain", is_flag=True, help="Shows how each rule came out.")
@click.option("--trace/--no-trace", default=True, help="--no-trace sends the unsampled flag: no hop records a span.")
@click.option("--address", help="host:port; by default the stack running here.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one object, or with --file one line per item.")
@click.pass_obj
def moderate(
    settings: Settings,
    text: str | None,
    image: Path | None,
    audio: Path | None,
    transcript: str | None,
    file: Path | None,
    account: str,
    surface: str,
    market: str,
    language: str,
    source: str,
    content_id: str | None,
    idempotency_key: str | None,
    budget_ms: float | None,
    explain: bool,
    trace: bool,
    address: str | None,
    as_json: bool,
) -> None:
    """Decides on one item, or with --file on every item of a file. Fails with the number of items refused."""
    parts = _parts(text, image, audio, transcript)
    if bool(parts) is (file is not None):
        raise click.UsageError("Give --file, or at least one of --text, --image, --audio and --transcript.")
    with connected(settings, address, traced=trace) as client:
        if file is not None:
            with file.open() as lines:
                total = sum(1 for line in lines if line.strip())
                lines.seek(0)
                sys.exit(
                    moderate_lines(
                        client,
                        lines,
                        total=total,
                        base=file.parent,
                        budget_ms=budget_ms,
                        explain=explain,
                        as_json=as_json,
                    )
                )
        item = ContentItem(
            content_id=content_id or uuid.uuid4().hex,
            account_id=account,
            surface=Surface(surface),
            market=market,
            language=language,
            source=NoticeSource(source),
            parts=parts,
        )
        try:
            decision = client.moderate(item, idempotency_key=idempotency_key, budget_ms=budget_ms, explain=explain)
        except ModerationError as error:
            print_refusal(Refusal.of(item.content_id, error), as_json=as_json)
            sys.exit(1)
    if as_json:
        print_json(decision_as_json(decision))
    else:
        draw_decision(decision)


def _parts(text: str | None, image: Path | None, audio: Path | None, transcript: str | None) -> tuple[Part, ...]:
    parts: list[Part] = []
    if text is not None:
        parts.append(text_part("text", text))
    if image is not None:
        parts.append(image_part("image", image.read_bytes()))
    if audio is not None:
        parts.append(audio_part("audio", audio.read_bytes()))
    if transcript is not None:
        parts.append(transcript_part("transcript", (TranscriptSegment(0, 0, transcript),)))
    return tuple(parts)
