"""What a pass over many items says: results to machines as they come, a bar and a summary to people."""

import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tidegate.cli.decision_drawing import ACTION_STYLES
from tidegate.cli.decision_view import decision_as_json
from tidegate.cli.item_file import Refusal
from tidegate.cli.output import print_json, print_refusal
from tidegate.client import Action, Completeness, Decision

SHOWN_REFUSALS = 10
"""The first of them are shown to people; machines get all."""


class BulkReport:
    """Counts and prints outcomes. Lines that are refused come from the thread that reads them, hence the lock."""

    def __init__(self, *, as_json: bool, total: int | None) -> None:
        """Prints nothing yet.

        Args:
            as_json: Prints every outcome at once, one line each, instead of a summary at the end.
            total: Items to come, if known.
        """
        self._as_json = as_json
        self._lock = threading.Lock()
        self._started_s = time.monotonic()
        self._decided: Counter[tuple[Action, Completeness]] = Counter()
        self._refusals: list[Refusal] = []
        self.failures = 0
        """Items without a decision so far."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[per_second]:,.0f}/s"),
            TimeElapsedColumn(),
        )
        # A bar on the terminal that also gets the results would be drawn into them. rich would else send standard
        # output to the bar's console, past the file or pipe that it goes to.
        self._progress = Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not sys.stderr.isatty() or (as_json and sys.stdout.isatty()),
        )
        self._task = self._progress.add_task("moderating", total=total, per_second=0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()
        if error is None and not self._as_json:
            self._summarise()

    def decided(self, decision: Decision) -> None:
        """Takes a decision."""
        with self._lock:
            self._decided[decision.action, decision.completeness] += 1
            self._advance()
            if self._as_json:
                print_json(decision_as_json(decision))

    def refused(self, refusal: Refusal) -> None:
        """Takes an item that got none."""
        with self._lock:
            self.failures += 1
            self._advance()
            if self._as_json:
                print_refusal(refusal, as_json=True)
            elif len(self._refusals) < SHOWN_REFUSALS:
                self._refusals.append(refusal)

    def _advance(self) -> None:
        done = self._decided.total() + self.failures
        self._progress.update(self._task, completed=done, per_second=done / self._elapsed_s())

    def _elapsed_s(self) -> float:
        return max(time.monotonic() - self._started_s, 1e-3)

    def _summarise(self) -> None:
        console = Console(highlight=False)
        total = self._decided.total() + self.failures
        elapsed_s = self._elapsed_s()
        console.print(f"{total:,} items in {elapsed_s:.1f} s ({total / elapsed_s:,.0f}/s)")
        if total:
            console.print(self._table(total))
        for refusal in self._refusals:
            print_refusal(refusal, as_json=False)
        if self.failures > len(self._refusals):
            Console(stderr=True).print(f"and {self.failures - len(self._refusals):,} more; --json tells of each")

    def _table(self, total: int) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 3, 0, 0))
        table.add_column("outcome")
        seen = {completeness for _, completeness in self._decided}
        incomplete = [each for each in (Completeness.PARTIAL, Completeness.FAILED) if each in seen]
        for heading in ("items", "share", *(each.lower() for each in incomplete)):
            table.add_column(heading, justify="right")
        for action in Action:
            counts = {each: self._decided[action, each] for each in Completeness}
            if any(counts.values()):
                cells = [f"{counts[each]:,}" if counts[each] else "" for each in incomplete]
                items = sum(counts.values())
                table.add_row(Text(action, ACTION_STYLES[action]), f"{items:,}", f"{items / total:.1%}", *cells)
        if self.failures:
            table.add_row(Text("refused", "bold red"), f"{self.failures:,}", f"{self.failures / total:.1%}")
        return table
