"""Decides on lines of items over one stream. A line that is wrong is refused, and the rest goes on."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tidegate.cli.bulk_report import BulkReport
from tidegate.cli.item_file import ItemLineError, Refusal, item_of_line
from tidegate.cli.line_reader import LONGEST_LINE_BYTES, Line
from tidegate.client import RetryPolicy, TidegateClient
from tidegate.client.streaming import GivenItem

MOST_FAILURES_TOLD = 250
"""An exit status holds 8 bits."""

BULK_BUDGET_MS = 10_000.0
"""Nobody waits for a single item of a file: better late than PARTIAL."""

BULK_RETRY = RetryPolicy(attempts=18, first_delay_ms=100.0, longest_delay_ms=5_000.0)
"""About half a minute, a minute at most. A killed router is back within seconds; Serve took 20 s to replace a killed
HAProxy (two busy cores)."""


def moderate_lines(
    client: TidegateClient,
    lines: Iterable[Line],
    report: BulkReport,
    *,
    base: Path,
    budget_ms: float | None,
    explain: bool,
) -> int:
    """Decides on every line.

    Args:
        client: Made with `BULK_RETRY`.
        lines: May block, as standard input does.
        report: Told of every outcome, as soon as it is known.
        base: What relative paths start from.
        budget_ms: For each item; `BULK_BUDGET_MS` by default.
        explain: Adds how each rule came out.

    Returns:
        How many items got no decision, as an exit status.
    """
    with report:
        results = client.moderate_stream(
            _items(lines, base, report), budget_ms=BULK_BUDGET_MS if budget_ms is None else budget_ms, explain=explain
        )
        for result in results:
            if result.decision is not None:
                report.decided(result.decision)
            elif result.error is not None:
                report.refused(Refusal.of(result.item.content_id, result.error))
    return min(report.failures, MOST_FAILURES_TOLD)


def _items(lines: Iterable[Line], base: Path, report: BulkReport) -> Iterator[GivenItem]:
    for line in lines:
        if line.blank:
            continue
        if line.content is None:
            problem = f"has more than {LONGEST_LINE_BYTES} bytes"
            message = f"line {line.number}: {problem}"
            report.refused(Refusal(None, "RESOURCE_EXHAUSTED", message, (("line", problem),), line.number))
            continue
        try:
            yield item_of_line(line.content, number=line.number, base=base)
        except ItemLineError as error:
            report.refused(error.refusal)
