"""How `tidegate events` shows things to people."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli.decision_drawing import plain
from tidegate.cli.event_load import LoadReport
from tidegate.features.events.event import FIELDS, SENT_KINDS


def draw_report(report: LoadReport, *, elapsed_s: float) -> None:
    """Totals on standard output, refused lines on standard error."""
    rate = f"{report.count / max(elapsed_s, 1e-3):,.0f}/s"
    told = (
        f"{report.count:,} events in {elapsed_s:.1f} s ({rate}): {report.accepted:,} new, {report.repeated:,} repeated"
    )
    told += f", {report.refused_count:,} refused"
    if report.unanswered:
        told += f", {report.unanswered:,} without an answer (some may be recorded)"
    if report.untried:
        told += f", {report.untried:,} not tried"
    if report.unread:
        told += ", and the rest was not read"
    Console(highlight=False).print(told, soft_wrap=True)
    console = Console(stderr=True, highlight=False)
    for line in report.refused:
        event = f"event {plain(line.event_id)}  " if line.event_id else ""
        where = Text.assemble((f"line {line.number}", "bold red"), f"  {event}{line.reason}  ", (line.field, "bold"))
        console.print(where, Text(plain(line.message)), soft_wrap=True)
    if report.refused_count > len(report.refused):
        left = report.refused_count - len(report.refused)
        console.print(f"and {left:,} more refused lines; --json lists them all", soft_wrap=True)
    for reason, count in report.refused_by_reason.most_common():
        console.print(f"{count:>9,}  {reason}")


def draw_kinds() -> None:
    """Kinds and their fields."""
    table = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 3, 0, 0))
    for heading in ("kind", "required", "optional"):
        table.add_column(heading)
    for kind, fields in FIELDS.items():
        required = ", ".join(sorted(fields.required))
        own = "" if kind in SENT_KINDS else "made by Tidegate, not sent"
        table.add_row(kind, own or required, "" if own else ", ".join(sorted(fields.optional)))
    console = Console(highlight=False)
    console.print(table)
    console.print("Every event has event_id, account_id, kind and occurred_at (RFC 3339) as well.")
