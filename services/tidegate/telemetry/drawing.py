"""A waterfall on a terminal, with rich. Solid stretches of a bar are the hop's own time, thin ones its children's."""

from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.telemetry.names import Attribute
from tidegate.telemetry.span_record import SpanStatus
from tidegate.telemetry.waterfall import Waterfall, WaterfallRow

_PALETTE = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")
_OWN, _CHILDREN = "━", "─"
_TIMES = "\N{MULTIPLICATION SIGN}"
_FAILED, _ORPHAN, _SHARED, _SHIFTED, _LATE = "!", "?", "⇄", "≈", "▸"
_MIN_BAR = 12
_COMFORTABLE_BAR = 24
_MAX_SERVICE = 14
_NUMBERS_WIDTH = 8 + 8 + 6
_GAPS = 5 * 2
_OVERLAP_SHOWN_FROM = 1.005


def draw(waterfall: Waterfall, *, width: int) -> RenderableType:
    """Heading, one line per span and footnotes, for a terminal this wide."""
    colours = {service: _PALETTE[index % len(_PALETTE)] for index, service in enumerate(waterfall.services)}
    service_width = min(_MAX_SERVICE, max(len(name) for name in ("service", *map(_short, waterfall.services))))
    room = width - _NUMBERS_WIDTH - _GAPS - service_width
    labels = [_label(row, row.span.name) for row in waterfall.rows]
    if max(len(label) for label in labels) + _COMFORTABLE_BAR > room:
        labels = [_label(row, row.span.name.removeprefix("tidegate.")) for row in waterfall.rows]
    name_width = min(max(len(label) for label in labels), max(20, room - _MIN_BAR))
    bar_width = room - name_width
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold dim")
    table.add_column("span", width=name_width, no_wrap=True, overflow="ellipsis")
    table.add_column("service", width=service_width, no_wrap=True, overflow="ellipsis")
    table.add_column("start ms", width=8, justify="right", no_wrap=True)
    table.add_column("ms", width=8, justify="right", no_wrap=True)
    table.add_column("share", width=6, justify="right", no_wrap=True)
    if bar_width >= _MIN_BAR:
        table.add_column("", width=bar_width, no_wrap=True)
    for row, label in zip(waterfall.rows, labels, strict=True):
        colour = "red" if row.span.status is SpanStatus.ERROR else colours[row.span.service]
        cells: list[RenderableType] = [
            label,
            Text(_short(row.span.service), style=colours[row.span.service]),
            _ms(row.offset_ns),
            _ms(row.duration_ns),
            f"{row.share:.1%}",
        ]
        if bar_width >= _MIN_BAR:
            cells.append(_bar(row, waterfall.duration_ns, width=bar_width, colour=colour))
        table.add_row(*cells)
    return Group(_heading(waterfall), Text(), table, *_footnotes(waterfall))


def console_for(width: int | None = None) -> Console:
    """A console that keeps ids and numbers as they are."""
    return Console(highlight=False, width=width)


def _short(service: str) -> str:
    return service.removeprefix("tidegate-") or "?"


def _ms(duration_ns: int) -> str:
    return f"{duration_ns / 1e6:.2f}"


def _label(row: WaterfallRow, name: str) -> Text:
    guides = "".join("  " if last else "│ " for last in row.last_at[:-1])
    if row.last_at:
        guides += "└ " if row.last_at[-1] else "├ "
    failed = row.span.status is SpanStatus.ERROR
    label = Text(guides, style="dim")
    label.append(name, style="not dim bold red" if failed else "not dim")
    size = row.span.attributes.get(Attribute.BATCH_SIZE)
    if isinstance(size, int) and size > 1:
        label.append(f" {_TIMES}{size}", style="not dim yellow")
    marks = "".join(
        f" {mark}"
        for mark, holds in (
            (_FAILED, failed),
            (_ORPHAN, row.missing_parent),
            (_SHARED, bool(row.shared_from)),
            (_SHIFTED, bool(row.clock_shift_ns)),
            (_LATE, row.late),
        )
        if holds
    )
    label.append(marks, style="not dim yellow")
    return label


def _bar(row: WaterfallRow, whole_ns: int, *, width: int, colour: str) -> Text:
    cell_ns = max(1.0, whole_ns / width)
    first = min(int(row.offset_ns / cell_ns), width - 1)
    last = max(first, min(round((row.offset_ns + row.duration_ns) / cell_ns), width) - 1)
    bar = Text(" " * first)
    for cell in range(first, last + 1):
        begin, end = cell * cell_ns, (cell + 1) * cell_ns
        own_ns = sum(max(0.0, min(end, stop) - max(begin, start)) for start, stop in row.own)
        inside_ns = max(1.0, min(end, row.offset_ns + row.duration_ns) - max(begin, row.offset_ns))
        is_own = own_ns * 2 >= inside_ns
        bar.append(_OWN if is_own else _CHILDREN, style=colour if is_own else f"dim {colour}")
    return bar


def _heading(waterfall: Waterfall) -> Text:
    started = datetime.fromtimestamp(waterfall.started_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    heading = Text()
    heading.append("Trace ").append(waterfall.trace_id, style="bold")
    heading.append(f"\n{started} UTC · {_ms(waterfall.duration_ns)} ms · {len(waterfall.rows)} spans", style="dim")
    heading.append(f" · {len(waterfall.services)} services", style="dim")
    facts = waterfall.facts()
    if Attribute.ACTION in facts:
        heading.append(f"\n{facts.get(Attribute.SURFACE, '?')} in {facts.get(Attribute.MARKET, '?')} → ")
        heading.append(str(facts[Attribute.ACTION]), style="bold")
        heading.append(f" · {facts.get(Attribute.COMPLETENESS, '?')}")
        if Attribute.POLICY_ID in facts:
            heading.append(f" · policy {facts[Attribute.POLICY_ID]} v{facts.get(Attribute.POLICY_VERSION, '?')}")
    return heading


def _footnotes(waterfall: Waterfall) -> list[Text]:
    rows = waterfall.rows
    notes = ["share: of the trace's time, that in which the hop ran and none of its children did."]
    if sum(row.share for row in rows) > _OVERLAP_SHOWN_FROM:
        notes[0] += " Hops overlap, so shares add up to more than 100%."
    failed = [f"{row.span.name} {row.span.attributes.get('error.type', '')}".strip() for row in rows if _failed(row)]
    if failed:
        notes.append(f"{_FAILED} failed: {', '.join(failed)}")
    if any(row.missing_parent for row in rows):
        notes.append(f"{_ORPHAN} its parent span isn't in the store: a caller that reports elsewhere, or a lost span")
    shared = sorted({row.shared_from for row in rows if row.shared_from})
    if shared:
        notes.append(f"{_SHARED} work for a whole batch, recorded in trace {', '.join(shared)}")
    shifts = [f"{_short(row.span.service)} by {_ms(row.clock_shift_ns)} ms" for row in rows if row.clock_shift_ns]
    if shifts:
        notes.append(f"{_SHIFTED} drawn shifted, its clock disagrees with its caller's: {', '.join(shifts)}")
    if any(row.late for row in rows):
        notes.append(f"{_LATE} ended after its parent did")
    return [Text(), *(Text(note, style="dim") for note in notes)]


def _failed(row: WaterfallRow) -> bool:
    return row.span.status is SpanStatus.ERROR
