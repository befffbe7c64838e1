"""Lines of events from a file or a pipe, gzip or not; a line that is none is refused, and the rest goes on."""

import gzip
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.cli.line_reader import Unbuffered, lines_of, unbuffered
from tidegate.client import AccountEvent
from tidegate.features.events.document import EventDocumentError, event_id_of_line, event_of_line

LONGEST_LINE_BYTES: Final = 64 * 1024
"""No event is nearly as long."""
STANDARD_INPUT: Final = "-"
UNREADABLE: Final = (OSError, EOFError, zlib.error)
"""What reading raises where a file is damaged or goes away."""
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that was not recorded."""

    number: int
    """Counting from 1."""
    event_id: str
    """Its event's id, as far as it could be read."""
    reason: str
    """INVALID, TOO_LATE, IN_FUTURE, CONFLICT or ERASED."""
    field: str
    """The field at fault; empty if it is the line."""
    message: str
    """What is wrong and what is allowed."""


class EventLines:
    """The events of a file in order, kept with their line numbers until their outcome is known."""

    def __init__(self, stream: Unbuffered, *, on_refused: Callable[[RefusedLine], None]) -> None:
        """Reads nothing yet.

        Args:
            stream: JSON Lines.
            on_refused: Told of each line that is no event.
        """
        self._lines = lines_of(stream, longest_bytes=LONGEST_LINE_BYTES)
        self._on_refused = on_refused
        self._unsettled: deque[tuple[int, AccountEvent]] = deque()
        self.settled = 0
        """Events whose outcome is known."""

    def events(self) -> Iterator[AccountEvent]:
        """The events, as far as they are asked for. Blank lines are passed over."""
        for line in self._lines:
            if line.blank:
                continue
            if line.content is None:
                self._refuse(line.number, b"", EventDocumentError("", f"has more than {LONGEST_LINE_BYTES:,} bytes"))
                continue
            content = line.content.removeprefix(_BYTE_ORDER_MARK) if line.number == 1 else line.content
            try:
                event = event_of_line(content)
            except EventDocumentError as error:
                self._refuse(line.number, content, error)
                continue
            self._unsettled.append((line.number, event))
            yield event

    def number(self, index: int) -> int:
        """The line of the event at this place among all events, which must not be settled."""
        return self._unsettled[index - self.settled][0]

    @property
    def unsettled(self) -> list[AccountEvent]:
        """Events that were read and whose outcome is not known."""
        return [event for _, event in self._unsettled]

    def settle(self, count: int) -> None:
        """Forgets the lines of the next so many events."""
        for _ in range(count):
            self._unsettled.popleft()
        self.settled += count

    def rest(self) -> Iterator[int]:
        """The numbers of the lines that nobody has asked for, read now. Raises one of `UNREADABLE`."""
        return (line.number for line in self._lines if not line.blank)

    def _refuse(self, number: int, content: bytes, error: EventDocumentError) -> None:
        event_id = event_id_of_line(content)
        self._on_refused(RefusedLine(number, event_id, "INVALID", error.field, error.message))


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of events."""

    stream: Unbuffered
    """Its lines, unpacked."""
    size_bytes: int | None
    """Its size as it lies there; None for standard input."""
    read_bytes: Callable[[], int]
    """How much of it is read."""


@contextmanager
def opened(file: Path) -> Iterator[OpenedFile]:
    """The file, unpacked if it is gzip, whatever its name; `-` is standard input, as it comes.

    Raises:
        OSError: It can't be read.
    """
    if str(file) == STANDARD_INPUT:
        yield OpenedFile(unbuffered(sys.stdin.buffer), None, lambda: 0)
        return
    with file.open("rb") as raw:
        size = file.stat().st_size if file.is_file() else None
        packed = raw.peek(len(_GZIP)).startswith(_GZIP)
        unpacked = gzip.open(raw) if packed else raw  # noqa: SIM115 - holds nothing beyond `raw`
        yield OpenedFile(unpacked, size, lambda: 0 if size is None else raw.tell())
