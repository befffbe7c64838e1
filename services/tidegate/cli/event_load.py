"""Sends the events of a file and keeps account of them."""

from bisect import insort
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tidegate.cli.event_file import UNREADABLE, EventLines, OpenedFile, RefusedLine
from tidegate.client import ModerationError, RecordedEvents, RefusedEvent, TidegateClient

MOST_TOLD: Final = 20
"""Refused lines that are shown to people; all are counted."""
MOST_LISTED: Final = 100_000
"""Refused lines that machines get: about 50 MB."""


@dataclass(slots=True)
class LoadReport:
    """What has become of a file's lines so far."""

    most_kept: int = MOST_TOLD
    """Refused lines that are kept."""
    accepted: int = 0
    """Recorded now."""
    repeated: int = 0
    """Recorded before."""
    refused_by_reason: Counter[str] = field(default_factory=Counter)
    """Not recorded, by reason."""
    refused: list[RefusedLine] = field(default_factory=list)
    """The first of them, by their lines."""
    unanswered: int = 0
    """Events that the service was asked to record and did not answer for: nobody knows of these."""
    untried: int = 0
    """Lines that were never sent, as far as they could be counted."""
    unread: bool = False
    """Whether more may follow that could not be counted."""

    @property
    def refused_count(self) -> int:
        """How many lines were not recorded."""
        return self.refused_by_reason.total()

    @property
    def count(self) -> int:
        """How many lines are settled."""
        return self.accepted + self.repeated + self.refused_count

    @property
    def room(self) -> int:
        """How many more refused lines would be kept."""
        return self.most_kept - len(self.refused)

    def line_refused(self, line: RefusedLine) -> None:
        """Takes a line that is no event."""
        self.refused_by_reason[line.reason] += 1
        self._keep(line)

    def recorded(self, outcome: RecordedEvents, lines: EventLines) -> None:
        """Takes the outcome of the next events."""
        self.accepted += outcome.accepted
        self.repeated += outcome.repeated
        self.refused_by_reason.update(outcome.refused_by_reason)
        for each in outcome.refused:
            self._keep(RefusedLine(lines.number(each.index), each.event_id, each.reason, each.field, each.message))
        lines.settle(outcome.count)

    def as_json(self) -> dict[str, Any]:
        """The machine format."""
        listed = [_listed(line) for line in self.refused]
        return {
            "accepted": self.accepted,
            "repeated": self.repeated,
            "refused": self.refused_count,
            "unanswered": self.unanswered,
            "untried": self.untried,
            "unread": self.unread,
            "refused_by_reason": dict(self.refused_by_reason),
            "first_refused": listed[:MOST_TOLD],
            "refused_lines": listed,
            "refused_lines_left_out": self.refused_count - len(listed),
        }

    def _keep(self, line: RefusedLine) -> None:
        """Keeps the first lines, also where one that is no event was met before earlier ones were answered."""
        insort(self.refused, line, key=lambda each: each.number)
        del self.refused[self.most_kept :]


def load(
    client: TidegateClient,
    source: OpenedFile,
    report: LoadReport,
    *,
    backfill: bool,
    progress: Callable[[LoadReport], None],
) -> None:
    """Sends every line.

    Args:
        client: Made with a patient retry.
        source: JSON Lines.
        report: Told of every outcome, as soon as it is known, and of what has none if this ends early.
        backfill: Takes events of long ago.
        progress: Called after each part.

    Raises:
        ModerationError: The service stayed away; what the report says is recorded.
        OSError: The file can't be read any further; likewise the others of `UNREADABLE`.
    """
    lines = EventLines(source.stream, on_refused=report.line_refused)
    try:
        for outcome in client.record_event_stream(lines.events(), backfill=backfill):
            if len(outcome.refused) < min(outcome.refused_count, report.room):
                outcome = _whole(client, outcome, lines, backfill=backfill)  # noqa: PLW2901 - the same, listed further
            report.recorded(outcome, lines)
            progress(report)
    except UNREADABLE:
        report.untried, report.unread = len(lines.unsettled), True
        raise
    except KeyboardInterrupt:
        report.unanswered, report.unread = len(lines.unsettled), True
        raise
    except ModerationError:
        report.unanswered = len(lines.unsettled)
        _count_rest(lines, source, report)
        raise


def count_untried(source: OpenedFile, report: LoadReport) -> None:
    """Tells the report how many lines there are, where none could be sent."""
    _count_rest(EventLines(source.stream, on_refused=report.line_refused), source, report)


def _count_rest(lines: EventLines, source: OpenedFile, report: LoadReport) -> None:
    if source.size_bytes is None:  # whoever writes into a pipe may never end
        report.unread = True
        return
    try:
        for _ in lines.rest():
            report.untried += 1
    except UNREADABLE:
        report.unread = True


def _whole(client: TidegateClient, outcome: RecordedEvents, lines: EventLines, *, backfill: bool) -> RecordedEvents:
    """The outcome with every refusal: a stream lists the first 100, single calls list all. Sending again is safe."""
    try:
        again = client.record_events(lines.unsettled, backfill=backfill)
    except ModerationError:
        return outcome  # what it lists is true; the next part meets the same service
    return replace(outcome, refused=tuple(_moved(each, lines.settled) for each in again.refused))


def _moved(refused: RefusedEvent, by: int) -> RefusedEvent:
    return replace(refused, index=refused.index + by)


def _listed(line: RefusedLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "event_id": line.event_id,
        "reason": line.reason,
        "field": line.field,
        "message": line.message,
    }
