"""Speech in stretches that text detectors score one by one: long enough to have a context, short enough to point at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.moderation.detection import Moment
from tidegate.moderation.item import TranscriptSegment

CHUNK_CHARACTERS: Final = 400
"""About half a minute of speech. A segment is never split, so a longer one is a chunk of its own."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a part."""

    text: str
    """The words."""
    offset: int = 0
    """Where they begin in all words of the part, in characters."""
    moment: Moment | None = None
    """When they are said; None for words that are written, or where the times are not known."""


def pieces_of(segments: Sequence[TranscriptSegment]) -> tuple[Piece, ...]:
    """Neighbouring segments together, in the order given. Their words joined by newlines are all words of the part."""
    return tuple(_cut(segments))


def _cut(segments: Sequence[TranscriptSegment]) -> Iterator[Piece]:
    timed = any(segment.end_ms for segment in segments)
    chunk: list[TranscriptSegment] = []
    size = offset = 0
    for segment in segments:
        if chunk and size + len(segment.text) > CHUNK_CHARACTERS:
            yield _piece(chunk, offset, timed=timed)
            offset, chunk, size = offset + size, [], 0
        chunk.append(segment)
        size += len(segment.text) + 1  # with the newline that joins it to the next
    if chunk:
        yield _piece(chunk, offset, timed=timed)


def _piece(chunk: Sequence[TranscriptSegment], offset: int, *, timed: bool) -> Piece:
    text = "\n".join(segment.text for segment in chunk)
    return Piece(text, offset, Moment(chunk[0].start_ms, chunk[-1].end_ms) if timed else None)
