"""Sends the events of a file and keeps account of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.cli.event_file import EventLines, RefusedLine
from tidegate.cli.line_reader import Unbuffered
from tidegate.client import RecordedEvents, TidegateClient

MOST_TOLD: Final = 20
"""Refused lines that are shown; all are counted."""


@dataclass(slots=True)
class LoadReport:
    """What has become of a file's lines so far."""

    accepted: int = 0
    """Recorded now."""
    repeated: int = 0
    """Recorded before."""
    refused_by_reason: Counter[str] = field(default_factory=Counter)
    """Not recorded, by reason."""
    refused: list[RefusedLine] = field(default_factory=list)
    """The first of them."""

    @property
    def refused_count(self) -> int:
        """How many lines were not recorded."""
        return self.refused_by_reason.total()

    @property
    def count(self) -> int:
        """How many lines are settled."""
        return self.accepted + self.repeated + self.refused_count

    def line_refused(self, line: RefusedLine) -> None:
        """Takes a line that is no event."""
        self.refused_by_reason[line.reason] += 1
        self._tell(line)

    def recorded(self, outcome: RecordedEvents, lines: EventLines) -> None:
        """Takes the outcome of the next events."""
        self.accepted += outcome.accepted
        self.repeated += outcome.repeated
        self.refused_by_reason.update(outcome.refused_by_reason)
        for each in outcome.refused:
            self._tell(RefusedLine(lines.number(each.index), each.event_id, each.reason, each.field, each.message))
        lines.settle(outcome.count)

    def as_json(self) -> dict[str, Any]:
        """The machine format."""
        return {
            "accepted": self.accepted,
            "repeated": self.repeated,
            "refused": self.refused_count,
            "refused_by_reason": dict(self.refused_by_reason),
            "first_refused": [
                {
                    "line": line.number,
                    "event_id": line.event_id,
                    "reason": line.reason,
                    "field": line.field,
                    "message": line.message,
                }
                for line in self.refused
            ],
        }

    def _tell(self, line: RefusedLine) -> None:
        """Keeps the first lines, also where one that is no event was met before earlier ones were answered."""
        self.refused.append(line)
        self.refused.sort(key=lambda each: each.number)
        del self.refused[MOST_TOLD:]


def load(
    client: TidegateClient,
    stream: Unbuffered,
    report: LoadReport,
    *,
    backfill: bool,
    progress: Callable[[LoadReport], None],
) -> None:
    """Sends every line.

    Args:
        client: Made with a patient retry.
        stream: JSON Lines.
        report: Told of every outcome, as soon as it is known.
        backfill: Takes events of long ago.
        progress: Called after each part.

    Raises:
        ModerationError: The service stayed away; what the report says is recorded.
        OSError: The file can't be read any further.
    """
    lines = EventLines(stream, on_refused=report.line_refused)
    for outcome in client.record_event_stream(lines.events(), backfill=backfill):
        report.recorded(outcome, lines)
        progress(report)
