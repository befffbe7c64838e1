"""`tidegate trace`: the waterfall of one request, out of the built-in receiver's store."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.table import Table

from tidegate.telemetry.arrival import AmbiguousTraceId, Clocks, await_trace
from tidegate.telemetry.drawing import console_for, draw
from tidegate.telemetry.hop_summary import SHARE_NOTE, summarize_hops
from tidegate.telemetry.names import Attribute
from tidegate.telemetry.span_archive import ArchiveUnreadable, SpanArchive, TraceEntry
from tidegate.telemetry.waterfall import Waterfall, WaterfallRow, build_waterfall

_ID = re.compile(r"[0-9a-f]{4,32}")
_CLOCKS = Clocks(monotonic_s=time.monotonic, wall_ns=time.time_ns, sleep=time.sleep)


@click.command("trace")
@click.argument("trace_id", required=False)
@click.option("--last", is_flag=True, help="The trace that was written to last.")
@click.option("--list", "list_recent", is_flag=True, help="The recent traces.")
@click.option("--summary", is_flag=True, help="Each hop's p50, p99 and share of the recent traces' time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="For --list, --summary.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 600),
    default=4.0,
    show_default=True,
    help="Seconds to wait for the trace, or for the rest of its spans.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(".tidegate/traces.sqlite"),
    show_default=True,
    help="The built-in receiver's file.",
)
def trace(
    *,
    trace_id: str | None,
    last: bool,
    list_recent: bool,
    summary: bool,
    limit: int,
    as_json: bool,
    wait_s: float,
    store: Path,
) -> None:
    """Draws the waterfall of the trace TRACE_ID (its beginning is enough)."""
    if [trace_id is not None, last, list_recent, summary].count(True) != 1:
        raise click.UsageError("Give a trace id, or one of --last, --list and --summary.")
    try:
        with SpanArchive(store) as archive:
            if list_recent:
                _show_recent(archive, limit=limit, as_json=as_json)
            elif summary:
                _show_summary(archive, limit=limit, as_json=as_json)
            else:
                prefix = _latest(archive) if trace_id is None else _checked_id(trace_id)
                _show_trace(archive, prefix, wait_s=wait_s, as_json=as_json)
    except (ArchiveUnreadable, AmbiguousTraceId) as error:
        raise click.ClickException(str(error)) from error


def show_trace(store: Path, trace_id: str, *, wait_s: float = 4.0) -> None:
    """Draws one trace of this store, once it has settled."""
    with SpanArchive(store) as archive:
        _show_trace(archive, trace_id, wait_s=wait_s, as_json=False)


def _checked_id(trace_id: str) -> str:
    lower = trace_id.strip().lower()
    if _ID.fullmatch(lower) is None:
        raise click.UsageError(f"{trace_id!r} is no trace id: 32 hex digits, or the first four or more of them.")
    return lower


def _latest(archive: SpanArchive) -> str:
    recent = archive.recent(1)
    if not recent:
        raise click.ClickException("There is no trace in the store yet.")
    return recent[0].trace_id


def _show_trace(archive: SpanArchive, prefix: str, *, wait_s: float, as_json: bool) -> None:
    entry = await_trace(archive, prefix, wait_s=wait_s, clocks=_CLOCKS)
    waterfall = _waterfall(archive, entry) if entry is not None else None
    if entry is None or waterfall is None:
        raise click.ClickException(
            f"No trace {prefix} in the store. It was not sampled, is older than what is kept, or its spans go"
            " elsewhere (OTEL_EXPORTER_OTLP_ENDPOINT)."
        )
    if as_json:
        click.echo(orjson.dumps(_trace_json(waterfall, entry), option=orjson.OPT_INDENT_2))
        return
    console = console_for()
    console.print(draw(waterfall, width=console.width))
    if entry.left_out:
        console.print(f"{entry.left_out} more spans of this trace were not kept: it has too many.", style="yellow")


def _show_recent(archive: SpanArchive, *, limit: int, as_json: bool) -> None:
    rows = [_entry_json(waterfall) for waterfall in _recent(archive, limit)]
    if as_json:
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("trace", "started (UTC)", "root", "surface", "action"):
        table.add_column(heading, no_wrap=True)
    for heading in ("ms", "spans"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        started = str(row["started_at"])[11:19]
        cells = (
            row["trace_id"],
            started,
            str(row["root"]).removeprefix("tidegate."),
            row["surface"] or "",
            row["action"] or "",
        )
        table.add_row(*map(str, cells), f"{row['duration_ms']:.2f}", str(row["spans"]))
    console_for().print(table if rows else "There is no trace in the store yet.")


def _show_summary(archive: SpanArchive, *, limit: int, as_json: bool) -> None:
    traces = _recent(archive, limit)
    hops = summarize_hops(traces)
    if as_json:
        rows = [
            {
                "service": hop.service,
                "name": hop.name,
                "count": hop.count,
                "p50_ms": round(hop.p50_ms, 4),
                "p99_ms": round(hop.p99_ms, 4),
                "share": round(hop.share, 4),
            }
            for hop in hops
        ]
        click.echo(orjson.dumps({"traces": len(traces), "hops": rows}, option=orjson.OPT_INDENT_2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("span", "service"):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "p50 ms", "p99 ms", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for hop in hops:
        numbers = (str(hop.count), f"{hop.p50_ms:.2f}", f"{hop.p99_ms:.2f}", f"{hop.share:.1%}")
        table.add_row(hop.name, hop.service.removeprefix("tidegate-"), *numbers)
    console = console_for()
    console.print(table if hops else "There is no trace in the store yet.")
    if hops:
        console.print(f"\n{SHARE_NOTE}", style="dim")


def _recent(archive: SpanArchive, limit: int) -> Sequence[Waterfall]:
    drawn = (_waterfall(archive, entry) for entry in archive.recent(limit))
    return [waterfall for waterfall in drawn if waterfall is not None]


def _waterfall(archive: SpanArchive, entry: TraceEntry) -> Waterfall | None:
    """None if retention took the trace between finding and reading it."""
    spans = archive.spans(entry.trace_id)
    return build_waterfall(spans, archive.linked(spans)) if spans else None


def _started_at(waterfall: Waterfall) -> str:
    return datetime.fromtimestamp(waterfall.started_ns / 1e9, tz=UTC).isoformat()


def _entry_json(waterfall: Waterfall) -> dict[str, object]:
    facts = waterfall.facts()
    return {
        "trace_id": waterfall.trace_id,
        "started_at": _started_at(waterfall),
        "duration_ms": round(waterfall.duration_ns / 1e6, 4),
        "root": waterfall.rows[0].span.name,
        "spans": len(waterfall.rows),
        "services": waterfall.services,
        "surface": facts.get(Attribute.SURFACE),
        "market": facts.get(Attribute.MARKET),
        "action": facts.get(Attribute.ACTION),
        "completeness": facts.get(Attribute.COMPLETENESS),
    }


def _trace_json(waterfall: Waterfall, entry: TraceEntry) -> dict[str, object]:
    return {
        **_entry_json(waterfall),
        "spans": [_row_json(row) for row in waterfall.rows],
        "spans_left_out": entry.left_out,
    }


def _row_json(row: WaterfallRow) -> dict[str, object]:
    return {
        "span_id": row.span.span_id,
        "parent_span_id": row.span.parent_span_id or None,
        "trace_id": row.span.trace_id,
        "name": row.span.name,
        "service": row.span.service,
        "kind": row.span.role,
        "status": row.span.status,
        "depth": row.depth,
        "start_ms": round(row.offset_ns / 1e6, 4),
        "duration_ms": round(row.duration_ns / 1e6, 4),
        "own_ms": round(row.own_ns / 1e6, 4),
        "share": round(row.share, 4),
        "missing_parent": row.missing_parent,
        "shared_from": row.shared_from or None,
        "late": row.late,
        "clock_shift_ms": round(row.clock_shift_ns / 1e6, 4),
        "attributes": row.span.attributes,
        "links": [{"trace_id": link.trace_id, "span_id": link.span_id} for link in row.span.links],
        "events": [{"name": moment.name, "at_ns": moment.at_ns} for moment in row.span.moments],
    }
