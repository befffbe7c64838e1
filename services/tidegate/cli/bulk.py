"""Streams lines of items through the service, with progress, and sends again what a broken stream left unanswered."""

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tidegate.cli.decision_view import decision_as_json
from tidegate.cli.item_file import ItemLineError, Refusal, item_of_line
from tidegate.cli.output import print_json, print_refusal
from tidegate.client import Decision, RetryPolicy, StreamResult, TidegateClient
from tidegate.client.streaming import KeyedItem

MOST_FAILURES_TOLD = 250
"""An exit status holds 8 bits."""

BULK_BUDGET_MS = 10_000.0
"""Nobody waits for a single item of a file: better late than PARTIAL."""


class BulkRun:
    """One pass over many lines, with its tally."""

    def __init__(self, *, as_json: bool, total: int | None) -> None:
        """Prepares the tally.

        Args:
            as_json: Prints every result at once, one line each.
            total: Lines to come, if known.
        """
        self._as_json = as_json
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=self._console, transient=True)
        self._task = self.progress.add_task("moderating", total=total)
        self._started = time.monotonic()
        self._actions: Counter[str] = Counter()
        self._completeness: Counter[str] = Counter()
        self._refused: list[Refusal] = []

    @property
    def failures(self) -> int:
        """Items without a decision."""
        return len(self._refused)

    def decided(self, decision: Decision) -> None:
        """Takes a decision."""
        self._actions[decision.action] += 1
        self._completeness[decision.completeness] += 1
        self.progress.advance(self._task)
        if self._as_json:
            print_json(decision_as_json(decision))

    def refused(self, refusal: Refusal) -> None:
        """Takes an item that got none."""
        self._refused.append(refusal)
        self.progress.advance(self._task)
        if self._as_json:
            print_refusal(refusal, as_json=True)

    def summarise(self) -> None:
        """For people: what was decided, how fast, and the first refusals."""
        elapsed_s = time.monotonic() - self._started
        count = self._actions.total()
        table = Table(
            title=f"{count:,} decisions in {elapsed_s:.1f} s ({count / elapsed_s:,.0f}/s)", title_justify="left"
        )
        table.add_column("outcome")
        table.add_column("items", justify="right")
        for name, items in [*self._actions.most_common(), *self._completeness.most_common()]:
            table.add_row(name, f"{items:,}")
        if self._refused:
            table.add_row("[red]refused[/red]", f"{len(self._refused):,}")
        Console().print(table)
        for refusal in self._refused[:10]:
            print_refusal(refusal, as_json=False)


def moderate_lines(
    client: TidegateClient,
    lines: Iterable[str],
    *,
    total: int | None,
    base: Path,
    budget_ms: float | None,
    explain: bool,
    as_json: bool,
) -> int:
    """Decides on every line.

    Returns:
        How many items got no decision, as an exit status.
    """
    run = BulkRun(as_json=as_json, total=total)
    with run.progress:
        source = _items(lines, base, run)
        unanswered = _pass(client, source, run, budget_ms=budget_ms, explain=explain)
        retry, attempt = RetryPolicy(), 1
        while unanswered and attempt < retry.attempts:
            time.sleep(retry.delay_s(attempt))
            before = len(unanswered)
            unanswered = _pass(
                client, itertools.chain(_keyed(unanswered), source), run, budget_ms=budget_ms, explain=explain
            )
            attempt = 1 if len(unanswered) < before else attempt + 1
        for result in unanswered:
            _tell(run, result)
    if not as_json:
        run.summarise()
    return min(run.failures, MOST_FAILURES_TOLD)


def _pass(
    client: TidegateClient, items: Iterable[KeyedItem], run: BulkRun, *, budget_ms: float | None, explain: bool
) -> list[StreamResult]:
    """One stream; what it left unanswered comes back, to be sent again under the same keys."""
    unanswered: list[StreamResult] = []
    for result in client.moderate_stream(items, budget_ms=budget_ms or BULK_BUDGET_MS, explain=explain):
        if result.error is not None and result.error.code is grpc.StatusCode.UNAVAILABLE:
            unanswered.append(result)
        else:
            _tell(run, result)
    return unanswered


def _keyed(results: Iterable[StreamResult]) -> Iterator[KeyedItem]:
    return ((result.item, result.idempotency_key) for result in results)


def _items(lines: Iterable[str], base: Path, run: BulkRun) -> Iterator[KeyedItem]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield item_of_line(line, number=number, base=base)
        except ItemLineError as error:
            run.refused(error.refusal)


def _tell(run: BulkRun, result: StreamResult) -> None:
    if result.decision is not None:
        run.decided(result.decision)
    elif result.error is not None:
        run.refused(Refusal.of(result.item.content_id, result.error))
